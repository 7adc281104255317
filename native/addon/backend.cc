// Instruction sets, backends, memory that suits them, and the peak of a core.
#include <chrono>
#include <new>

#include "handles.h"

namespace pff {
namespace {

napi_value listOf(napi_env env, const std::vector<const char*>& names) {
  napi_value list = nullptr;
  check(napi_create_array(env, &list));
  uint32_t i = 0;
  for (const char* text : names) {
    napi_value name = nullptr;
    check(napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &name));
    check(napi_set_element(env, list, i++, name));
  }
  return list;
}

// instructionSets() → names, best first
napi_value listInstructionSets(const Arguments& a) {
  std::vector<const char*> names;
  for (const KernelTable* set : instructionSets()) names.push_back(set->name);
  return listOf(a.env, names);
}

// builtSets() → names of all that this build has
napi_value listBuiltSets(const Arguments& a) { return listOf(a.env, builtSets()); }

Precision precisionFrom(const std::string& name) {
  if (name == "f32") return Precision::kF32;
  if (name == "bf16") return Precision::kBf16;
  if (name == "bf16-tile") return Precision::kBf16Tile;
  throw BadCall{"there is no such precision"};
}

// fastestFor(precision) → name, one of instructionSets()
napi_value fastest(const Arguments& a) {
  napi_value name = nullptr;
  check(napi_create_string_utf8(a.env, fastestFor(precisionFrom(a.text(0)))->name, NAPI_AUTO_LENGTH, &name));
  return name;
}

// openBackend(name, threads, worthSharing, precision) → backend; see Pool
napi_value openBackend(const Arguments& a) {
  const std::string name = a.text(0);
  const Index threads = a.index(1);
  const Index worthSharing = a.index(2);
  const KernelTable* kernels = instructionSet(name.c_str());
  if (!kernels) throw BadCall{"this CPU does not have that instruction set"};
  if (threads < 1 || threads > 1024) throw BadCall{"threads must be 1 to 1024"};
  return external(a.env, std::make_unique<Backend>(Backend{Backend::kKind, kernels, precisionFrom(a.text(3)), std::make_shared<Pool>(static_cast<int>(threads), worthSharing)}));
}

// closeBackend(backend)
napi_value closeBackend(const Arguments& a) {
  close(a.env, resourceAt<Backend>(a, 0));
  return nullptr;
}

// The memory of an array that JavaScript frees, and who wants to know of it.
struct Block {
  Array<float> memory;
  bool* freed;
  Block(Index count, bool* freed) : memory(count), freed(freed) {}
};

constexpr Index kMostFloats = Index{1} << 30;  // 4 GiB, the most that a buffer of Node.js 20 has

// allocate(count) → Float32Array of zeros in memory that suits the kernels (see memory.h), freed with the array
napi_value allocate(const Arguments& a) {
  const double wanted = a.number(0);
  if (!(wanted >= 0)) throw BadCall{"allocate: a count is needed"};
  if (wanted > static_cast<double>(kMostFloats)) throw OutOfMemory{wanted * 4.0};  // more than an array of JavaScript can hold
  const Index count = static_cast<Index>(wanted);
  const size_t bytes = static_cast<size_t>(count) * sizeof(float);
  bool freed = false;
  auto block = std::make_unique<Block>(std::max(count, Index{1}), &freed);
  napi_value buffer = nullptr;
  const auto release = [](napi_env, void*, void* hint) {
    Block* block = static_cast<Block*>(hint);
    if (block->freed) *block->freed = true;
    delete block;
  };
  const napi_status status =
      napi_create_external_arraybuffer(a.env, block->memory.data(), bytes, release, block.get(), &buffer);
  // Node.js frees a buffer that it refuses for its size, but not one that it refuses for other reasons.
  Block* taken = freed ? (block.release(), nullptr) : block.get();
  check(status);
  if (taken) taken->freed = nullptr;
  block.release();
  napi_value floats = nullptr;
  check(napi_create_typedarray(a.env, napi_float32_array, static_cast<size_t>(count), buffer, 0, &floats));
  return floats;
}

// measurePeak(backend, milliseconds) → multiply-adds of one core in a second
napi_value measurePeak(const Arguments& a) {
  const Backend& backend = backendAt(a, 0);
  const double wanted = a.number(1) / 1000.0;
  if (!(wanted >= 0.0 && wanted <= 60.0)) throw BadCall{"measurePeak: at most a minute"};
  float sink = 1.0f;
  double done = 0.0;
  double seconds = 0.0;
  const auto start = std::chrono::steady_clock::now();
  do {
    done += backend.kernels->peak(20000, &sink);
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  } while (seconds < wanted);
  napi_value value = nullptr;
  check(napi_create_double(a.env, sink == 0.0f ? 0.0 : done / seconds, &value));
  return value;
}

}  // namespace

void defineBackend(napi_env env, napi_value exports) {
  define(env, exports, {
                           method("instructionSets", guarded<listInstructionSets>),
                           method("builtSets", guarded<listBuiltSets>),
                           method("fastestFor", guarded<fastest>),
                           method("openBackend", guarded<openBackend>),
                           method("closeBackend", guarded<closeBackend>),
                           method("allocate", guarded<allocate>),
                           method("measurePeak", guarded<measurePeak>),
                       });
}

}  // namespace pff
