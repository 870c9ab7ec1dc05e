// What texts may be, byte by byte: automata that may call one another.
//
//   GrammarBuilder builder;
//   const int rule = builder.AddRule();
//   const int end = builder.AddFinalState();
//   builder.AddBytes(builder.Start(rule), '0', '9', end);
//   absl::StatusOr<std::shared_ptr<const Grammar>> grammar = std::move(builder).Finish(rule);
//
// A rule is a nondeterministic automaton over bytes whose edges may also call a rule: the text of
// the called rule stands there. Rules may call one another in circles, if a byte comes before each
// such call. Behind each state of a finished grammar there is a text that ends: what leads nowhere
// has been cut off.
//
// The limits hold what a client may ask of us. They count things, not time, so that what is refused
// does not depend on the machine.
#ifndef LLUDA_ENGINE_GRAMMAR_GRAMMAR_H_
#define LLUDA_ENGINE_GRAMMAR_GRAMMAR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace lluda::grammar {

inline constexpr size_t kMaxSourceBytes = 64 << 10;  // of a schema or a pattern
inline constexpr int kMaxSchemaDepth = 32;           // schemas inside one another
inline constexpr int kMaxSchemaNodes = 5000;         // schemas, properties and enumerated values
inline constexpr int kMaxStates = 50000;
// Steps of building, each some tens of ns: together about 100 ms.
inline constexpr int64_t kMaxWork = 2000000;

class Grammar {
 public:
  struct Edge {
    uint8_t low, high;  // bytes, both included
    int32_t target;
  };
  struct Call {
    int32_t rule;
    int32_t target;  // where it goes on
  };

  int states() const { return static_cast<int>(is_final_.size()); }
  int rules() const { return static_cast<int>(start_.size()); }
  int root() const { return root_; }
  int start(int rule) const { return start_[static_cast<size_t>(rule)]; }

  absl::Span<const Edge> edges(int state) const { return Slice(edges_, edge_begin_, state); }
  absl::Span<const Call> calls(int state) const { return Slice(calls_, call_begin_, state); }
  absl::Span<const int32_t> jumps(int state) const { return Slice(jumps_, jump_begin_, state); }
  bool is_final(int state) const { return is_final_[static_cast<size_t>(state)]; }
  // It is final and no edge leaves it.
  bool only_ends(int state) const { return only_ends_[static_cast<size_t>(state)]; }
  // A piece of a character: a rule that calls no other and is left after a few bytes.
  bool is_character(int rule) const { return is_character_[static_cast<size_t>(rule)]; }

  // Bytes of one class lead to the same states everywhere.
  int byte_classes() const { return byte_classes_; }
  int byte_class(uint8_t byte) const { return byte_class_[byte]; }

 private:
  friend class GrammarBuilder;
  template <typename T>
  static absl::Span<const T> Slice(const std::vector<T>& items, const std::vector<uint32_t>& begin,
                                   int state) {
    const auto i = static_cast<size_t>(state);
    return absl::MakeConstSpan(items).subspan(begin[i], begin[i + 1] - begin[i]);
  }

  int root_ = 0;
  std::vector<int32_t> start_;
  std::vector<bool> is_character_;
  std::vector<bool> is_final_, only_ends_;
  std::vector<uint32_t> edge_begin_, call_begin_, jump_begin_;
  std::vector<Edge> edges_;
  std::vector<Call> calls_;
  std::vector<int32_t> jumps_;  // without a byte
  std::array<uint8_t, 256> byte_class_{};
  int byte_classes_ = 0;
};

class GrammarBuilder {
 public:
  int AddRule();
  // A rule for pieces of a character.
  int AddCharacterRule();
  int Start(int rule) const { return start_[static_cast<size_t>(rule)]; }
  int AddState();
  int AddFinalState();
  void SetFinal(int state) { is_final_[static_cast<size_t>(state)] = true; }

  void AddBytes(int from, uint8_t low, uint8_t high, int to);
  void AddText(int from, absl::string_view text, int to);
  void AddCall(int from, int rule, int to);
  void AddJump(int from, int to);

  // Counts work done beside adding. Whether the limits still hold: a loop that may be long asks.
  bool Spend(int64_t work) {
    work_ += work;
    return ok();
  }
  bool ok() const { return work_ <= kMaxWork && is_final_.size() <= kMaxStates; }
  // ResourceExhausted once a limit is passed: it is then that Finish fails, and nothing else does.
  absl::Status status() const;

  // ResourceExhausted as status(); InvalidArgument if no text is one of the rule.
  absl::StatusOr<std::shared_ptr<const Grammar>> Finish(int root) &&;

 private:
  struct BuiltEdge {
    int32_t from;
    Grammar::Edge edge;
  };
  struct BuiltCall {
    int32_t from;
    Grammar::Call call;
  };
  struct BuiltJump {
    int32_t from, to;
  };

  // Of each state, whether a text of its rule ends behind it.
  std::vector<bool> FindProductive() const;

  int64_t work_ = 0;
  std::vector<int32_t> start_;
  std::vector<bool> is_character_;
  std::vector<bool> is_final_;
  std::vector<BuiltEdge> edges_;
  std::vector<BuiltCall> calls_;
  std::vector<BuiltJump> jumps_;
};

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_GRAMMAR_H_
