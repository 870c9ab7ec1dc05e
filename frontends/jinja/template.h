// A chat template: Jinja, as far as chat templates go, in the environment that transformers gives
// them. docs/chat_templates.md lists what there is.
//
//   absl::StatusOr<Template> hello = Template::Parse("Hello {{ name }}!", "greeting");
//   Heap heap;
//   absl::StatusOr<Text> text =
//       hello->Render({{"name", Value::String("you", Origin::kUser)}}, &heap, now);
//   text->bytes();    // "Hello you!"
//   text->runs();     // "Hello " from the template, "you" from the user, "!" from the template
//
// Templates are hostile input: size, output, steps and depth are bounded (limits.h), and what a
// user wrote is never read as a part of the template.
#ifndef LLUDA_FRONTENDS_JINJA_TEMPLATE_H_
#define LLUDA_FRONTENDS_JINJA_TEMPLATE_H_

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "frontends/jinja/syntax/syntax.h"
#include "frontends/jinja/value/text.h"
#include "frontends/jinja/value/value.h"

namespace lluda::jinja {

class Template {
 public:
  using Variables = std::vector<std::pair<std::string, Value>>;

  // `name` is how errors call it: "NAME: line 3, column 7: reason". InvalidArgument for what is no
  // template; Unimplemented for a tag of Jinja2 that is not supported; ResourceExhausted for what
  // is beyond the limits.
  static absl::StatusOr<Template> Parse(std::string_view source, std::string name);

  // Texts of the variables must be valid UTF-8. Lists and mappings among them may be changed, if
  // the template does so; they and all that is made belong to `heap`. `now` is what strftime_now
  // takes for the local time. FailedPrecondition for an error that the template raises, else as
  // Parse. May be called from several threads, each with a heap of its own.
  absl::StatusOr<Text> Render(const Variables& variables, Heap* heap, const std::tm& now) const;

 private:
  Template(std::string name, Body body) : name_(std::move(name)), body_(std::move(body)) {}

  std::string name_;
  Body body_;
};

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_TEMPLATE_H_
