// The languages that Qwen3-ASR knows, by the English names that it writes and reads, and the codes
// that people give.
//
//   LanguageName("de");        // "German"
//   LanguageName("german");    // "German"
//   LanguageName("Klingon");   // InvalidArgument: "language 'Klingon' is unknown; ..."
#ifndef LLUDA_ENGINE_TRANSCRIBE_LANGUAGES_H_
#define LLUDA_ENGINE_TRANSCRIBE_LANGUAGES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::engine {

// The name of a language, of its name in any case or its code of ISO 639; "" of "". InvalidArgument
// for any other.
absl::StatusOr<std::string> LanguageName(absl::string_view language);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_TRANSCRIBE_LANGUAGES_H_
