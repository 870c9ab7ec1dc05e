#include "media/resampler.h"

#include <soxr.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace lluda::media {
namespace {

constexpr size_t kBlock = 8192;  // samples that come out at a time

}  // namespace

void Resampler::Delete::operator()(soxr* stream) const { soxr_delete(stream); }

absl::StatusOr<Resampler> Resampler::Create(int from, int to) {
  if (from == to) return Resampler(from, to, nullptr);
  const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
  const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
  const soxr_runtime_spec_t runtime = soxr_runtime_spec(/*num_threads=*/1);
  soxr_error_t error = nullptr;
  soxr* stream = soxr_create(from, to, /*num_channels=*/1, &error, &io, &quality, &runtime);
  if (stream == nullptr || error != nullptr) {
    soxr_delete(stream);
    return absl::ResourceExhaustedError(absl::StrCat("cannot resample from ", from, " to ", to,
                                                     " Hz: ", error == nullptr ? "" : error));
  }
  return Resampler(from, to, stream);
}

absl::Status Resampler::Process(const float* samples, size_t count, std::vector<float>* out) {
  for (;;) {
    const size_t size = out->size();
    out->resize(size + kBlock);
    size_t taken = 0, made = 0;
    const soxr_error_t error =
        soxr_process(stream_.get(), samples, count, &taken, out->data() + size, kBlock, &made);
    out->resize(size + made);
    if (error != nullptr) return absl::InternalError(absl::StrCat("resampling: ", error));
    out_ += static_cast<int64_t>(made);
    if (samples != nullptr) samples += taken;
    count -= taken;
    // A block that is not full says that nothing more can come of what has been taken.
    if (count == 0 && made < kBlock) return absl::OkStatus();
  }
}

absl::Status Resampler::Push(absl::Span<const float> samples, std::vector<float>* out) {
  if (samples.empty()) return absl::OkStatus();
  in_ += static_cast<int64_t>(samples.size());
  if (stream_ != nullptr) return Process(samples.data(), samples.size(), out);
  out->insert(out->end(), samples.begin(), samples.end());
  return absl::OkStatus();
}

absl::Status Resampler::Finish(std::vector<float>* out) {
  if (stream_ == nullptr) return absl::OkStatus();
  const size_t before = out->size() - static_cast<size_t>(out_);
  RETURN_IF_ERROR(Process(nullptr, 0, out));
  const int64_t wanted = (in_ * to_ + from_ - 1) / from_;
  out->resize(before + static_cast<size_t>(wanted));  // libsoxr rounds to the nearest
  return absl::OkStatus();
}

}  // namespace lluda::media
