// A file that is there whole or not at all: written under a temporary name in the same folder, and
// renamed when it is complete. Writers of one name do not disturb each other: the last one wins.
//
//   absl::StatusOr<AtomicFile> file = AtomicFile::Create("model.llb");
//   file->Append(bytes);
//   absl::Status status = std::move(*file).Commit();   // "model.llb: No space left on device"
//
// A link stays one: what it leads to is replaced. So that no device or pipe is, those are refused.
//
// Errors are kept and given by Commit, so that appends need no checks. Without a Commit nothing
// stays.
#ifndef LLUDA_BASE_FILES_ATOMIC_FILE_H_
#define LLUDA_BASE_FILES_ATOMIC_FILE_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::base {

// A device, a pipe, a socket: what can be written to, but neither replaced nor rewritten.
bool IsSpecialFile(const std::string& path);

class AtomicFile {
 public:
  // Unavailable, naming the file and the system's reason, if none can be created there. `mode` is
  // that of the finished file, before the process's umask.
  static absl::StatusOr<AtomicFile> Create(const std::string& path, mode_t mode = 0644);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  void Append(absl::string_view bytes);
  // Appends zeros up to a multiple of `alignment`.
  void PadTo(uint64_t alignment);
  // Overwrites bytes that were appended before.
  void Overwrite(uint64_t offset, absl::string_view bytes);
  // Bytes appended so far.
  uint64_t size() const { return size_; }

  // The first error of all, Unavailable; else the file has its name.
  absl::Status Commit() &&;

 private:
  AtomicFile(std::string path, std::string target, std::string temporary, int descriptor)
      : path_(std::move(path)),
        target_(std::move(target)),
        temporary_(std::move(temporary)),
        descriptor_(descriptor) {}

  void Fail(int error);

  std::string path_;       // for errors
  std::string target_;     // what is replaced
  std::string temporary_;  // empty once there is no such file
  int descriptor_ = -1;
  uint64_t size_ = 0;
  absl::Status status_;
};

}  // namespace lluda::base

#endif  // LLUDA_BASE_FILES_ATOMIC_FILE_H_
