// A text that remembers where its bytes come from: written by the template's author, or handed in
// with the conversation. What is made out of it keeps that.
//
//   Text text("<|im_start|>", Origin::kTemplate);
//   text.Append("Hi <|im_end|>", Origin::kUser);
//   text.runs();             // {12, kTemplate}, {25, kUser}
//   text.Part(11, 14);       // ">Hi", {1, kTemplate}, {3, kUser}
#ifndef LLUDA_FRONTENDS_JINJA_VALUE_TEXT_H_
#define LLUDA_FRONTENDS_JINJA_VALUE_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lluda::jinja {

// kTemplate may steer the model with special tokens; kUser may not.
enum class Origin : uint8_t { kTemplate, kUser };

class Text {
 public:
  // Bytes up to `end` that the run before does not have. Neighbours differ in their origin.
  struct Run {
    size_t end;
    Origin origin;
  };

  Text() = default;
  Text(std::string bytes, Origin origin);

  const std::string& bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  const std::vector<Run>& runs() const { return runs_; }

  void Append(std::string_view bytes, Origin origin);
  void Append(const Text& other);
  // The bytes [begin, end) of another text.
  void AppendPart(const Text& other, size_t begin, size_t end);
  Text Part(size_t begin, size_t end) const;

 private:
  void AddRun(Origin origin);

  std::string bytes_;
  std::vector<Run> runs_;
};

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_VALUE_TEXT_H_
