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

template <class Work>
inline void eachVector(Index channels, const Work& work) {
  for (Index at = 0; at < channels; at += kLanes) work(Channels{at, channels - at < kLanes ? channels - at : kLanes});
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

template <bool POSITIONS>
inline void finishRowsOf(const FinishJob& job, Index first, Index last) {
  const PlaneShape& shape = job.shape;
  const Index channels = shape.channels;
  const Vec share = all(1.0f / static_cast<float>(shape.size * shape.size));
  for (Index r = first; r < last; r++) {
    const float* z = job.z + r * shape.values();
    eachVector(channels, [&](const Channels& part) {
      const Activation<POSITIONS> activation(job.norm, shape, r, part);
      float* y = job.y + r * shape.outValues();
      float* places = job.places ? job.places + r * shape.outValues() : nullptr;
      for (Index oy = 0; oy < shape.outHeight; oy++) {
        for (Index ox = 0; ox < shape.outWidth; ox++, y += channels) {
          const Index corner = oy * shape.stride * shape.width + ox * shape.stride;
          Vec result = activation.after(activation.before(part.from(z + corner * channels), corner));
          Vec place = zero();
          for (Index w = 1; w < shape.size * shape.size; w++) {
            const Index position = corner + w / shape.size * shape.width + w % shape.size;
            const Vec v = activation.after(activation.before(part.from(z + position * channels), position));
            if (shape.pool == PlaneShape::kAverage) {
              result = add(result, v);
            } else {
              place = pick(result, v, place, all(static_cast<float>(w)));
              result = pick(result, v, result, v);
            }
          }
          part.to(y, shape.pool == PlaneShape::kAverage ? mul(result, share) : result);
          if (places) {
            part.to(places, place);
            places += channels;
          }
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

template <bool POSITIONS>
inline void backwardsRows(const BackwardsJob& job, Index first, Index last) {
  const PlaneShape& shape = job.shape;
  const Index channels = shape.channels;
  const Vec share = all(1.0f / static_cast<float>(shape.size * shape.size));
  for (Index r = first; r < last; r++) {
    const float* z = job.z + r * shape.values();
    float* out = job.out + r * shape.values();
    const Leaving leaving(job, r);
    const Index start = r * shape.outValues();
    if (shape.pool != PlaneShape::kNone) __builtin_memset(out, 0, static_cast<size_t>(shape.values()) * sizeof(float));
    eachVector(channels, [&](const Channels& part) {
      const Activation<POSITIONS> activation(job.norm, shape, r, part);
      Vec sum1 = zero();
      Vec sum2 = zero();
      if (shape.pool != PlaneShape::kNone) {
        for (Index oy = 0; oy < shape.outHeight; oy++) {
          for (Index ox = 0; ox < shape.outWidth; ox++) {
            const Index from = start + (oy * shape.outWidth + ox) * channels;
            float* window = out + (oy * shape.stride * shape.width + ox * shape.stride) * channels;
            const Vec given = leaving.at(part, from);
            const Vec each = shape.pool == PlaneShape::kAverage ? mul(given, share) : given;
            const Vec place = shape.pool == PlaneShape::kMax ? part.from(job.places + from) : zero();
            for (Index w = 0; w < shape.size * shape.size; w++) {
              float* to = window + (w / shape.size * shape.width + w % shape.size) * channels;
              Vec value = each;
              if (shape.pool == PlaneShape::kMax) {
                const float at = static_cast<float>(w);
                value = pick(place, all(at + 0.5f), zero(), pick(all(at - 0.5f), place, zero(), each));
              }
              part.to(to, add(part.from(to), value));
            }
          }
        }
      }
      for (Index position = 0; position < shape.positions(); position++) {
        const Vec value = part.from(z + position * channels);
        float* to = out + position * channels;
        const Vec dv = shape.pool == PlaneShape::kNone ? leaving.at(part, start + position * channels) : part.from(to);
        Vec du = activation.slope(dv, activation.before(value, position));
        if (!activation.normed) du = dropSmallDelta(du);
        part.to(to, du);
        sum1 = add(sum1, du);
        if (activation.normed) sum2 = fma(du, activation.about(value, position), sum2);
      }
      part.to(job.sums1 + r * channels, sum1);
      part.to(job.sums2 + r * channels, sum2);
    });
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
    eachVector(channels, [&](const Channels& part) {
      const Vec mean = part.from(job.norm.mean + row);
      const Vec scale = part.from(job.norm.scale + row);
      const Vec a = part.from(job.a + row);
      const Vec b = part.from(job.b + row);
      Vec sum = zero();
      const float* z = job.z + r * shape.values();
      float* values = job.values + r * shape.values();
      for (Index position = 0; position < shape.positions(); position++, z += channels, values += channels) {
        const Vec taken = fma(minus(part.from(z), mean), b, a);
        const Vec dz = dropSmallDelta(fmaMinus(scale, part.from(values), taken));
        part.to(values, dz);
        sum = add(sum, dz);
      }
      part.to(job.sums + r * channels, sum);
    });
  }
}

}  // namespace
}  // namespace pff
