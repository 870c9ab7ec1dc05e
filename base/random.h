// Random numbers that a seed gives again on every machine.
//
//   SplitMix64 random(1);
//   const double share = random.NextUnit();
#ifndef LLUDA_BASE_RANDOM_H_
#define LLUDA_BASE_RANDOM_H_

#include <cstdint>

namespace lluda::base {

// Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
class SplitMix64 {
 public:
  explicit SplitMix64(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // Uniform in [0, 1): the upper 53 bits of Next().
  double NextUnit() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

}  // namespace lluda::base

#endif  // LLUDA_BASE_RANDOM_H_
