// A grammar as a deterministic automaton over bytes whose states are made when they are needed.
//
//   StateSets sets(&grammar);
//   int32_t set = sets.Start();
//   for (uint8_t byte : text) set = sets.Step(set, byte);   // kDead: no text goes on so
//   sets.CanEnd(set)
//
// A state here is the set of all places in which the grammar may be: a state of a rule, and the
// places that the rules above it go on at, as a chain of frames. Equal sets have one number and
// their steps are remembered, so that the inside of a string, say, is a few numbers, however long
// it becomes. From every set that is not dead a text of the grammar can be finished.
#ifndef LLUDA_ENGINE_GRAMMAR_STATE_SETS_H_
#define LLUDA_ENGINE_GRAMMAR_STATE_SETS_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/types/span.h"
#include "engine/grammar/grammar.h"

namespace lluda::grammar {

class StateSets {
 public:
  static constexpr int32_t kDead = -1;
  // Places in one set: a grammar that asks for more is given up. Of JSON schemas a list of optional
  // properties has a place for each.
  static constexpr size_t kMaxPlaces = 8192;

  // Where a rule is, and what comes behind it. Frame 0 is the bottom: nothing.
  struct Place {
    int32_t state;  // kEnd: the rule at the bottom has ended
    int32_t frame;
    friend bool operator==(const Place& a, const Place& b) {
      return a.state == b.state && a.frame == b.frame;
    }
    friend bool operator<(const Place& a, const Place& b) {
      return a.frame != b.frame ? a.frame < b.frame : a.state < b.state;
    }
    template <typename H>
    friend H AbslHashValue(H h, const Place& place) {
      return H::combine(std::move(h), place.state, place.frame);
    }
  };
  static constexpr int32_t kEnd = -1;

  struct Frame {
    int32_t target;  // the state that goes on
    int32_t parent;
    bool is_character;  // around a rule of a character's pieces
    friend bool operator==(const Frame& a, const Frame& b) {
      return a.target == b.target && a.parent == b.parent && a.is_character == b.is_character;
    }
    template <typename H>
    friend H AbslHashValue(H h, const Frame& frame) {
      return H::combine(std::move(h), frame.target, frame.parent, frame.is_character);
    }
  };

  // `grammar` must outlive this object.
  explicit StateSets(const Grammar* grammar);

  // The set before a text.
  int32_t Start();
  // The set that `places` become when all that needs no byte is done.
  int32_t Close(absl::Span<const Place> places);
  // The set behind one more byte; kDead if there is none, or once failed().
  int32_t Step(int32_t set, uint8_t byte);

  // Whether the bottom's rule may end here.
  bool CanEnd(int32_t set) const { return set != kDead && places(set).front().state == kEnd; }
  // Whether nothing else is possible.
  bool MustEnd(int32_t set) const { return CanEnd(set) && places(set).size() == 1; }

  // By ascending frame, and state; none if the set is dead.
  absl::Span<const Place> places(int32_t set) const {
    if (set == kDead) return {};
    return sets_[static_cast<size_t>(set)];
  }
  const Frame& frame(int32_t frame) const { return frames_[static_cast<size_t>(frame)]; }
  int32_t AddFrame(const Frame& frame);

  // Edges and places looked at, each some tens of ns, and what callers have spent; never less.
  size_t work() const { return work_; }
  void Spend(size_t work) {
    work_ += work;
    has_worked_too_much_ |= work_ > max_work_;
  }
  // It gives up once work() is more than `limit`.
  void LimitWork(size_t limit) { max_work_ = limit; }
  // It has given up: nothing that it says from then on counts.
  bool failed() const { return has_too_many_places_ || has_worked_too_much_; }
  bool has_too_many_places() const { return has_too_many_places_; }

  // Forgets all but the sets in `keep`, which get new numbers there; kDead stays.
  void Trim(absl::Span<int32_t> keep);
  size_t bytes() const { return bytes_; }

 private:
  using Places = std::vector<Place>;
  static constexpr int32_t kUnknown = -2;

  void Clear();
  // Adds the place to those that are being closed, unless it is there.
  void Reach(int32_t state, int32_t frame);
  int32_t CloseReached();
  int32_t Intern(Places places);

  const Grammar* grammar_;
  std::vector<Frame> frames_;
  absl::flat_hash_map<Frame, int32_t> frame_numbers_;
  std::vector<Places> sets_;
  absl::flat_hash_map<Places, int32_t> set_numbers_;
  std::vector<std::vector<int32_t>> steps_;  // of a set, by class of bytes; made by its first step
  size_t bytes_ = 0;
  size_t work_ = 0;
  size_t max_work_ = SIZE_MAX;
  bool has_too_many_places_ = false;
  bool has_worked_too_much_ = false;
  // What is being closed; kept for its memory.
  Places reached_;
  absl::flat_hash_set<Place> seen_;
};

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_STATE_SETS_H_
