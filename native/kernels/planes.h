// Rules 9 to 11 of src/kernels/block/contract.ts: planes between a convolution and what leaves its stage. Vectors run over channels.
#pragma once
#include "panels.h"

namespace pff {
namespace {

// Some channels, at most a vector of them.
struct Channels {
  Index at;
  Index count;
  bool whole() const { return count == kLanes; }
  inline Vec from(const float* p) const { return whole() ? load(p + at) : loadFirst(p + at, count); }
  inline void to(float* p, Vec a) const {
    if (whole()) {
      store(p + at, a);
    } else {
      storeFirst(p + at, a, count);
    }
  }
};

// Work is part of its caller twice, so that whole vectors are moved without a question.
template <class Work>
PFF_INLINE void eachVector(Index channels, const Work& work) {
  Index at = 0;
  for (; at + kLanes <= channels; at += kLanes) work(Channels{at, kLanes});
  if (at < channels) work(Channels{at, channels - at});
}

inline Vec minus(Vec a, Vec b) { return add(a, mul(all(-1.0f), b)); }

void planeSums(const PlaneSumsJob& job, Index first, Index last) {
  const Index channels = job.shape.channels;
  const Index positions = job.shape.positions();
  for (Index r = first; r < last; r++) {
    const float* z = job.z + r * job.shape.values();
    const float* about = job.mean ? job.mean + (job.byRow ? r * channels : 0) : nullptr;
    float* sums = job.sums + r * channels;
    // Four vectors at a time: one chain alone would wait for each sum.
    for (Index from = 0; from < channels; from += 4 * kLanes) {
      Channels part[4];
      Vec sum[4], mean[4];
      int vectors = 0;
      for (Index at = from; at < channels && vectors < 4; at += kLanes, vectors++) {
        part[vectors] = {at, channels - at < kLanes ? channels - at : kLanes};
        sum[vectors] = zero();
        mean[vectors] = about ? part[vectors].from(about) : zero();
      }
      for (Index position = 0; position < positions; position++) {
        const float* row = z + position * channels;
        for (int n = 0; n < vectors; n++) {
          const Vec value = part[n].from(row);
          if (about) {
            const Vec d = minus(value, mean[n]);
            sum[n] = fma(d, d, sum[n]);
          } else {
            sum[n] = add(sum[n], value);
          }
        }
      }
      for (int n = 0; n < vectors; n++) part[n].to(sums, sum[n]);
    }
  }
}

// u and v of rule 10 for one vector of channels of row r. POSITIONS: normalised by position.
template <bool POSITIONS>
struct Activation {
  bool normed;
  Vec mean, scale, shift, leak;
  bool leaks;
  const float* means;
  const float* inverses;

  Activation(const Norm& norm, const PlaneShape& shape, Index r, const Channels& channels)
      : normed(norm.mean != nullptr), mean(zero()), scale(zero()), shift(normed ? channels.from(norm.shift) : zero()),
        leak(all(shape.leak)), leaks(shape.leak != 0.0f), means(nullptr), inverses(nullptr) {
    if (!normed) return;
    const Index row = norm.byRow ? r * shape.channels : 0;
    scale = channels.from(norm.scale + row);
    if (POSITIONS) {
      means = norm.mean + r * shape.positions();
      inverses = norm.inverse + r * shape.positions();
    } else {
      mean = channels.from(norm.mean + row);
    }
  }

  inline Vec before(Vec z, Index position) const {
    if (POSITIONS) return fma(minus(z, all(means[position])), mul(scale, all(inverses[position])), shift);
    return normed ? fma(minus(z, mean), scale, shift) : z;
  }
  // What the gradient of the scale multiplies du by.
  inline Vec about(Vec z, Index position) const {
    if (POSITIONS) return mul(minus(z, all(means[position])), all(inverses[position]));
    return minus(z, mean);
  }
  inline Vec after(Vec u) const { return leaks ? pick(zero(), u, mul(leak, u), u) : relu(u); }
  inline Vec slope(Vec dv, Vec u) const { return leaks ? pick(zero(), u, mul(leak, dv), dv) : gate(dv, u); }
};

// A row of what leaves at a time, so that memory is read in its order; all channels of it, a vector of them after another.
template <bool POSITIONS>
inline void finishRowsOf(const FinishJob& job, Index first, Index last) {
  const PlaneShape& shape = job.shape;
  const Index channels = shape.channels;
  const Vec share = all(1.0f / static_cast<float>(shape.size * shape.size));
  for (Index item = first * shape.outHeight; item < last * shape.outHeight; item++) {
    const Index r = item / shape.outHeight;
    const Index oy = item % shape.outHeight;
    const float* z = job.z + r * shape.values();
    eachVector(channels, [&](const Channels& part) PFF_ALWAYS_INLINE {
      const Activation<POSITIONS> activation(job.norm, shape, r, part);
      float* y = job.y + item * shape.outWidth * channels;
      float* places = job.places ? job.places + item * shape.outWidth * channels : nullptr;
      for (Index ox = 0; ox < shape.outWidth; ox++, y += channels) {
        const Index corner = oy * shape.stride * shape.width + ox * shape.stride;
        Vec result = activation.after(activation.before(part.from(z + corner * channels), corner));
        Vec place = zero();
        for (Index dy = 0; dy < shape.size; dy++) {
          for (Index dx = dy == 0 ? 1 : 0; dx < shape.size; dx++) {
            const Index position = corner + dy * shape.width + dx;
            const Vec v = activation.after(activation.before(part.from(z + position * channels), position));
            if (shape.pool == PlaneShape::kAverage) {
              result = add(result, v);
            } else {
              place = pick(result, v, place, all(static_cast<float>(dy * shape.size + dx)));
              result = pick(result, v, result, v);
            }
          }
        }
        part.to(y, shape.pool == PlaneShape::kAverage ? mul(result, share) : result);
        if (places) {
          part.to(places, place);
          places += channels;
        }
      }
    });
  }
}

void finishPlanes(const FinishJob& job, Index first, Index last) {
  (job.norm.inverse ? finishRowsOf<true> : finishRowsOf<false>)(job, first, last);
}

// The loss by what leaves.
struct Leaving {
  const BackwardsJob& job;
  Vec scale;

  Leaving(const BackwardsJob& job, Index r) : job(job), scale(zero()) {
    if (!job.rowScale) return;
    const float given = job.rowScale[r];
    scale = all(__builtin_fabsf(given) < 0x1p-126f ? 0.0f : given);
  }
  inline Vec at(const Channels& part, Index start) const {
    if (job.rowScale) return mul(scale, part.from(job.y + start));
    const Vec value = part.from(job.values + start);
    if (!job.y) return value;
    const Vec left = part.from(job.y + start);
    return gate(value, mul(left, left));
  }
};

// What enters the pool of one row gets the loss by what leaves it.
struct ThroughPool {
  const PlaneShape& shape;
  const float* places;  // of the row
  Vec share;

  ThroughPool(const BackwardsJob& job, Index r)
      : shape(job.shape), places(shape.pool == PlaneShape::kMax ? job.places + r * shape.outValues() : nullptr),
        share(all(1.0f / static_cast<float>(shape.size * shape.size))) {}

  // The maximum's place in window `window`, or nothing.
  inline Vec placeAt(const Channels& part, Index window) const {
    return places ? part.from(places + window * shape.channels) : zero();
  }
  // What place w of a window gets of `given`.
  inline Vec at(Vec given, Vec place, Index w) const {
    if (shape.pool == PlaneShape::kAverage) return mul(given, share);
    const float here = static_cast<float>(w);
    return pick(place, all(here + 0.5f), zero(), pick(all(here - 0.5f), place, zero(), given));
  }

  // Windows that overlap: each is added to the places it covers in `out`.
  inline void addUp(const Channels& part, const Leaving& leaving, Index start, float* out) const {
    for (Index window = 0; window < shape.outHeight * shape.outWidth; window++) {
      float* corner = out + (window / shape.outWidth * shape.width + window % shape.outWidth) * shape.stride * shape.channels;
      const Vec given = leaving.at(part, start + window * shape.channels);
      const Vec place = placeAt(part, window);
      for (Index w = 0; w < shape.size * shape.size; w++) {
        float* to = corner + (w / shape.size * shape.width + w % shape.size) * shape.channels;
        part.to(to, add(part.from(to), at(given, place, w)));
      }
    }
  }
};

// A row of the plane at a time, as finishRowsOf.
template <bool POSITIONS>
inline void backwardsRows(const BackwardsJob& job, Index first, Index last) {
  const PlaneShape& shape = job.shape;
  const Index channels = shape.channels;
  const bool pooled = shape.pool != PlaneShape::kNone;
  const bool overlap = pooled && shape.size > shape.stride;
  for (Index r = first; r < last; r++) {
    const float* z = job.z + r * shape.values();
    float* out = job.out + r * shape.values();
    float* sums1 = job.sums1 + r * channels;
    float* sums2 = job.sums2 + r * channels;
    const Leaving leaving(job, r);
    const ThroughPool pool(job, r);
    const Index start = r * shape.outValues();
    if (overlap) {
      __builtin_memset(out, 0, static_cast<size_t>(shape.values()) * sizeof(float));
      eachVector(channels, [&](const Channels& part) PFF_ALWAYS_INLINE { pool.addUp(part, leaving, start, out); });
    }
    for (Index y = 0; y < shape.height; y++) {
      eachVector(channels, [&](const Channels& part) PFF_ALWAYS_INLINE {
        const Activation<POSITIONS> activation(job.norm, shape, r, part);
        Vec sum1 = y == 0 ? zero() : part.from(sums1);
        Vec sum2 = y == 0 ? zero() : part.from(sums2);
        const auto finish = [&](Index position, Vec dv) PFF_ALWAYS_INLINE {
          const Vec value = part.from(z + position * channels);
          Vec du = activation.slope(dv, activation.before(value, position));
          if (!activation.normed) du = dropSmallDelta(du);
          part.to(out + position * channels, du);
          sum1 = add(sum1, du);
          if (activation.normed) sum2 = fma(du, activation.about(value, position), sum2);
        };
        const Index line = y * shape.width;
        const Index oy = y / shape.stride;
        const Index dy = y % shape.stride;
        Index x = 0;
        if (!pooled) {
          for (; x < shape.width; x++) finish(line + x, leaving.at(part, start + (line + x) * channels));
        } else if (overlap) {
          for (; x < shape.width; x++) finish(line + x, part.from(out + (line + x) * channels));
        } else if (oy < shape.outHeight && dy < shape.size) {
          for (Index ox = 0; ox < shape.outWidth; ox++) {
            const Index window = oy * shape.outWidth + ox;
            const Vec given = leaving.at(part, start + window * channels);
            const Vec place = pool.placeAt(part, window);
            for (Index dx = 0; dx < shape.stride && x < shape.width; dx++, x++)
              finish(line + x, dx < shape.size ? add(zero(), pool.at(given, place, dy * shape.size + dx)) : zero());
          }
        }
        // What no window covers.
        for (; x < shape.width; x++) finish(line + x, zero());
        part.to(sums1, sum1);
        part.to(sums2, sum2);
      });
    }
  }
}

void backwardsPlanes(const BackwardsJob& job, Index first, Index last) {
  (job.norm.inverse ? backwardsRows<true> : backwardsRows<false>)(job, first, last);
}

void normBackwards(const NormBackwardsJob& job, Index first, Index last) {
  const PlaneShape& shape = job.shape;
  const Index channels = shape.channels;
  for (Index r = first; r < last; r++) {
    const Index row = job.norm.byRow ? r * channels : 0;
    float* sums = job.sums + r * channels;
    for (Index y = 0; y < shape.height; y++) {
      eachVector(channels, [&](const Channels& part) PFF_ALWAYS_INLINE {
        const Vec mean = part.from(job.norm.mean + row);
        const Vec scale = part.from(job.norm.scale + row);
        const Vec a = part.from(job.a + row);
        const Vec b = part.from(job.b + row);
        Vec sum = y == 0 ? zero() : part.from(sums);
        const float* z = job.z + r * shape.values() + y * shape.width * channels;
        float* values = job.values + r * shape.values() + y * shape.width * channels;
        for (Index x = 0; x < shape.width; x++, z += channels, values += channels) {
          const Vec taken = fma(minus(part.from(z), mean), b, a);
          const Vec dz = dropSmallDelta(fmaMinus(scale, part.from(values), taken));
          part.to(values, dz);
          sum = add(sum, dz);
        }
        part.to(sums, sum);
      });
    }
  }
}

}  // namespace
}  // namespace pff
