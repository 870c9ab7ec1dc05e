// A bundle, opened: mapped read-only, its header checked.
//
//   absl::StatusOr<std::unique_ptr<Bundle>> bundle = Bundle::Open("model.llb");
//   absl::StatusOr<Runnable> runnable = (*bundle)->Prepare();
//   Executable::CreateLoaded(std::move(runnable->program), (*bundle)->weights().data(),
//                            std::make_unique<CpuDevice>(&pool));
//
// What is trusted was hashed before: the header by Open, code, IR and tokenizer when they are asked
// for. Weights are hashed by Verify only, so that opening takes no longer for a larger model.
#ifndef LLUDA_BUNDLE_READER_H_
#define LLUDA_BUNDLE_READER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/files/mapped_file.h"
#include "bundle/code.h"
#include "bundle/gpu_part.h"
#include "bundle/header.pb.h"
#include "bundle/model_info.h"
#include "frontends/tokenizer/tokenizer.h"
#include "runtime/program.h"

namespace lluda::bundle {

// A program whose kernels have addresses, and what lies there.
struct Runnable {
  Code code;  // must outlive the program's use
  runtime::Program program;
};

// A program whose kernels are a GPU's.
struct GpuRunnable {
  GpuPart part;
  runtime::Program program;
};

class Bundle {
 public:
  // Messages are one line that names the file. NotFound if there is none; FailedPrecondition if it
  // cannot be read, is no regular file, or may be written to by everyone; Unimplemented for another
  // format or architecture; InvalidArgument if it is no bundle, truncated or damaged.
  static absl::StatusOr<std::unique_ptr<Bundle>> Open(const std::string& path);

  // Whether `path` is a regular file that starts like a bundle, or is called like one.
  static bool Looks(const std::string& path);

  const std::string& path() const { return path_; }
  const ModelInfo& model() const { return model_; }
  const std::string& lluda_version() const { return header_.lluda_version(); }
  const std::string& llvm_version() const { return header_.llvm_version(); }
  const std::string& isa() const { return header_.isa(); }
  uint64_t code_start() const {
    return header_.code_start();
  }  // of the machine code, behind constants
  // The packed weights, valid as long as the bundle.
  absl::string_view weights() const { return Bytes(header_.weights()); }
  uint64_t weights_offset() const { return header_.weights().offset(); }  // in the file

  // Whether a GPU runs it. No CPU does then.
  bool is_for_gpu() const { return header_.has_gpu(); }

  // FailedPrecondition if the CPU lacks a feature that the code uses, or if it is a GPU's;
  // InvalidArgument if the code is damaged.
  absl::StatusOr<Runnable> Prepare() const;
  // The same of a bundle that a GPU runs, whatever GPU there is.
  absl::StatusOr<GpuRunnable> PrepareForGpu() const;

  // Of those parts as they were written, in hexadecimal digits. The code's parts are what Prepare
  // checks; weights are what Verify checks.
  std::string weights_sha256() const;
  std::string code_sha256() const;
  std::string ir_sha256() const;

  bool has_tokenizer() const { return header_.has_tokenizer(); }
  // It reads from the bundle, which must outlive it. NotFound if there is none, InvalidArgument if
  // it is damaged.
  absl::StatusOr<tokenizer::Tokenizer> Tokenizer() const;

  // The final module as text. InvalidArgument if it is damaged.
  absl::StatusOr<absl::string_view> Ir() const;

  // OK if every byte of the file is what was written. InvalidArgument, naming the part that is not.
  absl::Status Verify() const;

 private:
  Bundle(std::string path, base::MappedFile file)
      : path_(std::move(path)), file_(std::move(file)) {}

  absl::Status ReadHeader();
  absl::Status CheckSections() const;
  absl::Status Error(absl::StatusCode code, absl::string_view reason) const;
  absl::Status Damaged(absl::string_view reason) const;
  absl::StatusOr<runtime::Program> ReadProgram() const;
  absl::string_view Bytes(const Section& section) const;
  absl::Status CheckHash(const Section& section, absl::string_view name) const;
  // Name and section of each part, those of the tokenizer included.
  std::vector<std::pair<absl::string_view, const Section*>> AllSections() const;

  std::string path_;
  base::MappedFile file_;
  uint64_t header_end_ = 0;
  Header header_;
  ModelInfo model_;
};

}  // namespace lluda::bundle

#endif  // LLUDA_BUNDLE_READER_H_
