// Reads the arguments of a call from JavaScript, and turns C++ errors into JavaScript ones.
#pragma once
#include <node_api.h>

#include <cstdio>
#include <exception>
#include <initializer_list>
#include <string>

#include "../dense.h"

namespace pff {

// A JavaScript exception is already pending.
struct Pending {};

inline void check(napi_status status) {
  if (status == napi_pending_exception) throw Pending{};
  if (status != napi_ok) throw BadCall{"a Node-API call failed"};
}

class Arguments {
 public:
  static constexpr size_t kMost = 20;

  Arguments(napi_env env, napi_callback_info info) : env(env) {
    size_t count = kMost;  // missing ones become undefined
    check(napi_get_cb_info(env, info, &count, values_, nullptr, nullptr));
  }

  // The properties `names` of the object that is argument `i`, in their order.
  Arguments fields(size_t i, std::initializer_list<const char*> names) const {
    napi_valuetype kind;
    check(napi_typeof(env, values_[i], &kind));
    if (kind != napi_object) throw BadCall{"an object was expected"};
    Arguments found(env);
    size_t at = 0;
    for (const char* name : names) check(napi_get_named_property(env, values_[i], name, &found.values_[at++]));
    return found;
  }

  double number(size_t i) const {
    double value = 0;
    if (napi_get_value_double(env, values_[i], &value) != napi_ok) throw BadCall{"a number was expected"};
    return value;
  }

  float f32(size_t i) const { return static_cast<float>(number(i)); }

  Index index(size_t i) const {
    const double value = number(i);
    if (!(value >= 0 && value <= 2147483647.0)) throw BadCall{"a count is out of range"};
    return static_cast<Index>(value);
  }

  bool boolean(size_t i) const {
    bool value = false;
    if (napi_get_value_bool(env, values_[i], &value) != napi_ok) throw BadCall{"a boolean was expected"};
    return value;
  }

  std::string text(size_t i) const {
    char buffer[64];
    size_t length = 0;
    if (napi_get_value_string_utf8(env, values_[i], buffer, sizeof buffer, &length) != napi_ok)
      throw BadCall{"a string was expected"};
    return std::string(buffer, length);
  }

  // A typed array, or nothing for undefined and null.
  Given<float> floats(size_t i) const { return typed<float>(i, napi_float32_array); }
  Given<const float> constFloats(size_t i) const {
    const Given<float> given = floats(i);
    return {given.data, given.length};
  }
  Given<double> doubles(size_t i) const { return typed<double>(i, napi_float64_array); }
  Given<uint32_t> words(size_t i) const { return typed<uint32_t>(i, napi_uint32_array); }
  Given<uint8_t> bytes(size_t i) const { return typed<uint8_t>(i, napi_uint8_array); }

  void* external(size_t i) const {
    void* data = nullptr;
    if (napi_get_value_external(env, values_[i], &data) != napi_ok || !data) throw BadCall{"a handle was expected"};
    return data;
  }

  const napi_env env;

 private:
  explicit Arguments(napi_env env) : env(env) {}

  template <class T>
  Given<T> typed(size_t i, napi_typedarray_type wanted) const {
    napi_valuetype kind;
    check(napi_typeof(env, values_[i], &kind));
    if (kind == napi_undefined || kind == napi_null) return {};
    bool isTyped = false;
    check(napi_is_typedarray(env, values_[i], &isTyped));
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    if (!isTyped) throw BadCall{"a typed array was expected"};
    check(napi_get_typedarray_info(env, values_[i], &type, &length, &data, nullptr, nullptr));
    if (type != wanted) throw BadCall{"a typed array is of the wrong type"};
    // An empty array may have no memory; it was given all the same.
    static T empty[1];
    return {data ? static_cast<T*>(data) : empty, data ? static_cast<Index>(length) : 0};
  }

  napi_value values_[kMost];
};

// The memory of an array that must be given, with room for `count`.
template <class T>
T* needed(const Given<T>& array, Index count, const char* what) {
  if (!array.data) throw BadCall{what};
  array.need(count, what);
  return array.data;
}

inline void throwError(napi_env env, const char* code, const char* message) {
  napi_value codeValue = nullptr;
  napi_value messageValue = nullptr;
  napi_value error = nullptr;
  if (napi_create_string_utf8(env, code, NAPI_AUTO_LENGTH, &codeValue) == napi_ok &&
      napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &messageValue) == napi_ok &&
      napi_create_error(env, codeValue, messageValue, &error) == napi_ok)
    napi_throw(env, error);
}

// A function of the addon: no C++ exception leaves it.
template <napi_value (*body)(const Arguments&)>
napi_value guarded(napi_env env, napi_callback_info info) {
  try {
    return body(Arguments(env, info));
  } catch (const Pending&) {
  } catch (const OutOfMemory& error) {
    char text[64];
    std::snprintf(text, sizeof text, "%.0f", error.bytes);
    throwError(env, "PFF_MEMORY", text);
  } catch (const BadCall& error) {
    throwError(env, "PFF_BAD_CALL", error.what);
  } catch (const std::bad_alloc&) {
    throwError(env, "PFF_MEMORY", "0");
  } catch (const std::exception& error) {
    throwError(env, "PFF_NATIVE", error.what());
  } catch (...) {
    throwError(env, "PFF_NATIVE", "unknown error");
  }
  return nullptr;
}

}  // namespace pff
