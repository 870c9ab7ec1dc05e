// The machine of block_search.h that computes numbers.
//
//   SearchNumbers numbers{values, importance, block};
//   FindSearchedEncoder<SearchNumbers>(dtype)(numbers);
#ifndef LLUDA_IR_TYPE_SEARCH_NUMBERS_H_
#define LLUDA_IR_TYPE_SEARCH_NUMBERS_H_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "ir/type/block_search.h"
#include "ir/type/encoding.h"

namespace lluda::ir {

struct SearchNumbers {
  using Scalar = float;
  using Bool = bool;
  struct Vector {
    std::array<float, kSearchLanes> lanes;

    template <typename Of>
    static Vector Make(const Of& of) {
      Vector made;
      for (size_t i = 0; i < made.lanes.size(); ++i) made.lanes[i] = of(i);
      return made;
    }
    Vector operator+(const Vector& o) const {
      return Make([&](size_t i) { return lanes[i] + o.lanes[i]; });
    }
    Vector operator-(const Vector& o) const {
      return Make([&](size_t i) { return lanes[i] - o.lanes[i]; });
    }
    Vector operator*(const Vector& o) const {
      return Make([&](size_t i) { return lanes[i] * o.lanes[i]; });
    }
    Vector operator/(const Vector& o) const {
      return Make([&](size_t i) { return lanes[i] / o.lanes[i]; });
    }
  };

  const float* x;
  const float* importance;  // null: there is none
  std::byte* block;

  float Number(float value) const { return value; }
  Vector Splat(float value) const {
    return Vector::Make([&](size_t) { return value; });
  }
  Vector Load(int64_t i) const {
    return Vector::Make([&](size_t lane) { return x[static_cast<size_t>(i) + lane]; });
  }
  bool HasImportance() const { return importance != nullptr; }
  Vector Importance(int64_t i) const {
    return Vector::Make([&](size_t lane) { return importance[static_cast<size_t>(i) + lane]; });
  }
  Vector Join(const std::array<float, kSearchLanes>& lanes) const { return {lanes}; }
  Vector Above(const Vector& v, float limit) const {
    return Vector::Make([&](size_t i) { return v.lanes[i] > limit ? 1.0f : 0.0f; });
  }
  template <typename Of>
  static float Folded(Vector v, const Of& of) {
    for (size_t half = v.lanes.size() / 2; half > 0; half /= 2) {
      for (size_t i = 0; i < half; ++i) v.lanes[i] = of(v.lanes[i], v.lanes[i + half]);
    }
    return v.lanes[0];
  }
  float Sum(const Vector& v) const {
    return Folded(v, [](float a, float b) { return a + b; });
  }
  float Most(const Vector& v) const { return *std::max_element(v.lanes.begin(), v.lanes.end()); }
  float Least(const Vector& v) const { return *std::min_element(v.lanes.begin(), v.lanes.end()); }
  Vector Max(const Vector& a, const Vector& b) const {
    return Vector::Make(
        [&](size_t i) { return a.lanes[i] < b.lanes[i] ? b.lanes[i] : a.lanes[i]; });
  }
  Vector Min(const Vector& a, const Vector& b) const {
    return Vector::Make(
        [&](size_t i) { return b.lanes[i] < a.lanes[i] ? b.lanes[i] : a.lanes[i]; });
  }
  Vector Abs(const Vector& v) const {
    return Vector::Make([&](size_t i) { return std::fabs(v.lanes[i]); });
  }
  float Root(float value) const { return std::sqrt(value); }
  Vector Root(const Vector& v) const {
    return Vector::Make([&](size_t i) { return std::sqrt(v.lanes[i]); });
  }
  float Nearest(float value) const { return (value + 0x1.8p23f) - 0x1.8p23f; }
  Vector Nearest(const Vector& v) const {
    return Vector::Make([&](size_t i) { return Nearest(v.lanes[i]); });
  }
  float Whole(float value) const { return std::trunc(value); }
  Vector Whole(const Vector& v) const {
    return Vector::Make([&](size_t i) { return std::trunc(v.lanes[i]); });
  }
  float Half(float value) const { return F16ToFloat(FloatToF16(value)); }
  bool Less(float a, float b) const { return a < b; }
  float Select(bool which, float a, float b) const { return which ? a : b; }
  Vector Select(bool which, const Vector& a, const Vector& b) const { return which ? a : b; }

  using Founds = std::vector<block_search::Found<SearchNumbers>>;
  template <typename Body>
  Founds Repeat(int count, Founds founds, const Body& body) const {
    for (int i = 0; i < count; ++i) founds = body(static_cast<float>(i), std::move(founds));
    return founds;
  }

  void StoreHalf(int64_t at, float value) const {
    const uint16_t bits = FloatToF16(value);
    std::memcpy(block + at, &bits, sizeof(bits));
  }
  void StoreByte(int64_t at, float value) const {
    // Of elements that are not finite there may be no number.
    const bool fits = value >= -128 && value <= 255;
    block[at] = static_cast<std::byte>(fits ? static_cast<int32_t>(value) : 0);
  }
  void StoreBytes(int64_t at, const Vector& v) const {
    for (size_t i = 0; i < v.lanes.size(); ++i) StoreByte(at + static_cast<int64_t>(i), v.lanes[i]);
  }
};

}  // namespace lluda::ir

#endif  // LLUDA_IR_TYPE_SEARCH_NUMBERS_H_
