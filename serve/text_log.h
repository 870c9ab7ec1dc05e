// A log of prompts and answers, for the owner of the server alone.
//
//   ASSIGN_OR_RETURN(options.write_text_log, OpenTextLog("texts.jsonl"));
//   options.write_text_log("{...}\n");
#ifndef LLUDA_SERVE_TEXT_LOG_H_
#define LLUDA_SERVE_TEXT_LOG_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"

namespace lluda::serve {

// A function that appends lines to the file, which is made if it is not there and closed with the
// function's last copy; from any thread. InvalidArgument, naming the file, if it cannot be opened
// or if others than its owner may read or write it.
absl::StatusOr<std::function<void(const std::string&)>> OpenTextLog(const std::string& path);

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_TEXT_LOG_H_
