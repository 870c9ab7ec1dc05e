// Turns generated tokens into the text that may be given out: whole characters, nothing of a stop
// string, not even its beginning.
//
//   TextOutput output(&tokenizer, *std::move(stops), &options.on_text);
//   output.Add(token);                  // gives on_text what is certain by now
//   if (output.stopped()) ...           // a stop string came
//   output.Finish();                    // what was held back, if no stop string came of it
#ifndef LLUDA_ENGINE_GENERATE_TEXT_OUTPUT_H_
#define LLUDA_ENGINE_GENERATE_TEXT_OUTPUT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/generate/stop.h"
#include "frontends/tokenizer/stream_decoder.h"

namespace lluda::engine {

// Takes a piece of text; false ends the generation.
using TextSink = std::function<bool(absl::string_view piece)>;

class TextOutput {
 public:
  // Without a tokenizer there is no text. The tokenizer must outlive this object. `continues`: the
  // text goes on where another one ends, and keeps a space at its start.
  TextOutput(const tokenizer::Tokenizer* tokenizer, engine::StopStrings stops, TextSink sink,
             bool continues = false);

  void Add(int32_t token);
  // A token of a text that is none of the output's prose, as a call of a tool is: no stop string is
  // looked for in it, nor may one begin before it and end behind.
  void AddApart(int32_t token);
  // The stop token: its text may complete a stop string that began before it.
  void AddStopToken(int32_t token);
  // Call once, at the end.
  void Finish();

  const std::string& text() const { return text_; }  // all that was given out
  bool stopped() const { return stops_.stopped(); }  // a stop string came
  bool refused() const { return refused_; }          // the sink returned false

 private:
  void AddHidden(int32_t token);
  void Give(absl::string_view piece);

  const tokenizer::Tokenizer* tokenizer_;  // null as decoder_ is
  std::optional<tokenizer::StreamDecoder> decoder_;
  engine::StopStrings stops_;
  TextSink sink_;
  std::string text_;
  bool refused_ = false;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_TEXT_OUTPUT_H_
