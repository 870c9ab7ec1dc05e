#include "media/log_mel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace lluda::media {
namespace {

constexpr int kHalf = kFrameSamples / 2;
constexpr int kBins = kHalf + 1;   // frequencies of a real spectrum
constexpr double kNyquist = 8000;  // Hz
constexpr double kPi = 3.14159265358979323846;
// Frames that are computed side by side: each number of the table is read once for all of them.
constexpr int kLanes = 4;
using Lanes = double __attribute__((vector_size(kLanes * sizeof(double))));

// Slaney's scale (Auditory Toolbox, 1998): linear below 1000 Hz, logarithmic above.
double MelOf(double hertz) {
  return hertz < 1000 ? hertz * 3 / 200 : 15 + std::log(hertz / 1000) * 27 / std::log(6.4);
}
double HertzOf(double mel) {
  return mel < 15 ? mel * 200 / 3 : 1000 * std::exp((mel - 15) * std::log(6.4) / 27);
}

// The weights of one mel bin, from the first frequency that it hears.
struct Filter {
  int first = 0;
  std::vector<double> weights;
};

std::vector<Filter> MakeFilters(int bins) {
  const auto corner = [&](int i) { return HertzOf(MelOf(kNyquist) * i / (bins + 1)); };
  std::vector<Filter> filters(static_cast<size_t>(bins));
  for (int m = 0; m < bins; ++m) {
    const double left = corner(m), middle = corner(m + 1), right = corner(m + 2);
    for (int k = 0; k < kBins; ++k) {
      const double hertz = kNyquist * k / kHalf;
      const double height =
          std::min((hertz - left) / (middle - left), (right - hertz) / (right - middle));
      if (height <= 0) continue;
      if (filters[m].weights.empty()) filters[m].first = k;
      filters[m].weights.push_back(height * 2 / (right - left));
    }
  }
  return filters;
}

// What every sound needs: the window, one turn of the cosine and of the sine, the filters.
struct Tables {
  std::array<double, kFrameSamples> window;
  // [k][n]: cos and sin of 2 pi k n / 400, k up to a quarter and n up to half of a turn. What is left
  // out mirrors this (Fold, Power).
  std::vector<std::array<double, kBins>> cosines, sines;
  std::vector<Filter> filters;

  explicit Tables(int bins)
      : cosines(kHalf / 2 + 1), sines(kHalf / 2 + 1), filters(MakeFilters(bins)) {
    std::array<double, kFrameSamples> turn_cos, turn_sin;
    for (int n = 0; n < kFrameSamples; ++n) {
      turn_cos[n] = std::cos(2 * kPi * n / kFrameSamples);
      turn_sin[n] = std::sin(2 * kPi * n / kFrameSamples);
      window[n] = 0.5 - 0.5 * turn_cos[n];
    }
    for (int k = 0; k <= kHalf / 2; ++k) {
      for (int n = 0; n < kBins; ++n) {
        cosines[k][n] = turn_cos[k * n % kFrameSamples];
        sines[k][n] = turn_sin[k * n % kFrameSamples];
      }
    }
  }
};

// The sample at a place, those before and behind the sound reflected at its first and last.
double Reflected(absl::Span<const float> samples, int64_t at) {
  const auto last = static_cast<int64_t>(samples.size()) - 1;
  at = std::abs(at);
  return samples[static_cast<size_t>(at <= last ? at : 2 * last - at)];
}

// Windowed frames folded at their middle, about which the cosine is even and the sine odd: sums for
// the cosines, differences for the sines.
struct Folded {
  std::array<Lanes, kBins> sums, differences;
};

void Fold(absl::Span<const float> samples, const Tables& tables, int first_frame, int frames,
          Folded* folded) {
  for (int lane = 0; lane < kLanes; ++lane) {
    // Lanes without a frame repeat the last one.
    const int64_t start = int64_t{kFrameStep} * (first_frame + std::min(lane, frames - 1)) - kHalf;
    const auto value = [&](int n) { return tables.window[n] * Reflected(samples, start + n); };
    for (int n = 1; n < kHalf; ++n) {
      const double a = value(n), b = value(kFrameSamples - n);
      folded->sums[n][lane] = a + b;
      folded->differences[n][lane] = a - b;
    }
    for (const int n : {0, kHalf}) {  // their own mirror images
      folded->sums[n][lane] = value(n);
      folded->differences[n][lane] = 0;
    }
  }
}

// At an even n, bin 200 - k has the cosine of bin k, and its sine with the other sign; at an odd n it
// is the other way round. So two bins come of sums over even and over odd n.
void Power(const Folded& folded, const Tables& tables, std::array<Lanes, kBins>* power) {
  for (int k = 0; k <= kHalf / 2; ++k) {
    const double* cosines = tables.cosines[k].data();
    const double* sines = tables.sines[k].data();
    Lanes even_real = {}, even_imaginary = {}, odd_real = {}, odd_imaginary = {};
    for (int n = 0; n < kHalf; n += 2) {
      even_real += cosines[n] * folded.sums[n];
      even_imaginary += sines[n] * folded.differences[n];
      odd_real += cosines[n + 1] * folded.sums[n + 1];
      odd_imaginary += sines[n + 1] * folded.differences[n + 1];
    }
    even_real += cosines[kHalf] * folded.sums[kHalf];
    const Lanes real = even_real + odd_real, imaginary = even_imaginary + odd_imaginary;
    (*power)[k] = real * real + imaginary * imaginary;
    const Lanes mirror_real = even_real - odd_real;
    const Lanes mirror_imaginary = even_imaginary - odd_imaginary;
    (*power)[kHalf - k] = mirror_real * mirror_real + mirror_imaginary * mirror_imaginary;
  }
}

}  // namespace

absl::StatusOr<LogMel> LogMelOf(absl::Span<const float> samples, int bins) {
  if (samples.size() <= kHalf) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a sound of ", samples.size(), " samples is too short for a spectrum of ", kFrameSamples));
  }
  const Tables tables(bins);
  LogMel mel;
  mel.frames = static_cast<int>(samples.size() / kFrameStep);
  const auto stride = static_cast<size_t>(mel.frames);
  mel.values.resize(static_cast<size_t>(bins) * stride);
  Folded folded;
  std::array<Lanes, kBins> power;
  float largest = -10;  // log10(1e-10), below which nothing is
  for (int first = 0; first < mel.frames; first += kLanes) {
    const int frames = std::min(kLanes, mel.frames - first);
    Fold(samples, tables, first, frames, &folded);
    Power(folded, tables, &power);
    for (int m = 0; m < bins; ++m) {
      const Filter& filter = tables.filters[m];
      Lanes sum = {};
      for (size_t i = 0; i < filter.weights.size(); ++i) {
        sum += filter.weights[i] * power[static_cast<size_t>(filter.first) + i];
      }
      for (int lane = 0; lane < frames; ++lane) {
        const auto value = static_cast<float>(std::log10(std::max(sum[lane], 1e-10)));
        mel.values[static_cast<size_t>(m) * stride + static_cast<size_t>(first + lane)] = value;
        largest = std::max(largest, value);
      }
    }
  }
  for (float& value : mel.values) value = (std::max(value, largest - 8) + 4) / 4;
  return mel;
}

}  // namespace lluda::media
