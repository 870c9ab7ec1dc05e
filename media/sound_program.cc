#include "media/sound_program.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "runtime/machine/run_program.h"

namespace lluda::media {
namespace {

constexpr int kRefused = 2;  // the program's exit code for a file that is no good

// Samples as they come, in parts of any size.
class SampleBytes {
 public:
  void Append(absl::string_view part) {
    samples_.resize((bytes_ + part.size() + sizeof(float) - 1) / sizeof(float));
    std::memcpy(reinterpret_cast<char*>(samples_.data()) + bytes_, part.data(), part.size());
    bytes_ += part.size();
  }
  size_t bytes() const { return bytes_; }
  // Of an unfinished one the bytes that are there.
  std::vector<float>& samples() { return samples_; }

 private:
  std::vector<float> samples_;
  size_t bytes_ = 0;
};

// What a program that did not end well has said, or how it ended.
absl::Status Failure(const std::string& program, const runtime::ProgramEnd& end) {
  absl::string_view line = absl::StripAsciiWhitespace(end.errors);
  if (const size_t colon = line.find(": "); colon != absl::string_view::npos) {
    line.remove_prefix(colon + 2);  // its name
  }
  if (end.exit_code > 0 && !line.empty()) {
    return end.exit_code == kRefused ? absl::InvalidArgumentError(line)
                                     : absl::UnavailableError(line);
  }
  return absl::UnavailableError(absl::StrCat(program, ": ", end.how));
}

}  // namespace

absl::StatusOr<std::vector<float>> ReadSoundWith(const std::string& program,
                                                 const std::string& file,
                                                 const SoundLimits& limits) {
  const size_t most = static_cast<size_t>(limits.seconds) * kSampleRate;
  SampleBytes read;
  const auto is_short = [&] { return read.bytes() / sizeof(float) <= most; };
  ASSIGN_OR_RETURN(const runtime::ProgramEnd end,
                   runtime::RunProgram({program, file}, [&](absl::string_view part) {
                     read.Append(part);
                     return is_short();
                   }));
  if (!is_short()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": is longer than ", limits.seconds, " s, the most that is read"));
  }
  if (!end.is_success()) return Failure(program, end);
  if (read.bytes() == 0 || read.bytes() % sizeof(float) != 0) {
    return absl::UnavailableError(
        absl::StrCat(program, ": wrote ", read.bytes(), " bytes of samples for ", file));
  }
  return std::move(read.samples());
}

}  // namespace lluda::media
