// A stream of mono samples at one rate to the same sound at another, by libsoxr in its high quality:
// what librosa resamples with where it is not told otherwise.
//
//   ASSIGN_OR_RETURN(Resampler resampler, Resampler::Create(44100, 16000));
//   std::vector<float> out;
//   RETURN_IF_ERROR(resampler.Push(block, &out));   // as often as there are blocks
//   RETURN_IF_ERROR(resampler.Finish(&out));
//
// The division of the sound into blocks does not change what comes out.
#ifndef LLUDA_MEDIA_RESAMPLER_H_
#define LLUDA_MEDIA_RESAMPLER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

struct soxr;

namespace lluda::media {

class Resampler {
 public:
  // Rates in Hz, above 0. ResourceExhausted if libsoxr cannot have its tables.
  static absl::StatusOr<Resampler> Create(int from, int to);

  // Appends to `out` what is certain after these samples.
  absl::Status Push(absl::Span<const float> samples, std::vector<float>* out);
  // Appends the rest: after n samples in all, ceil(n * to / from) have come. The last call.
  absl::Status Finish(std::vector<float>* out);

 private:
  struct Delete {
    void operator()(soxr* stream) const;
  };
  Resampler(int from, int to, soxr* stream) : from_(from), to_(to), stream_(stream) {}
  // A null pointer of samples ends the stream.
  absl::Status Process(const float* samples, size_t count, std::vector<float>* out);

  int64_t from_, to_;
  int64_t in_ = 0, out_ = 0;              // samples so far
  std::unique_ptr<soxr, Delete> stream_;  // null where the rates are the same
};

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_RESAMPLER_H_
