#include "engine/grammar/state_sets.h"

#include <algorithm>

namespace lluda::grammar {

StateSets::StateSets(const Grammar* grammar) : grammar_(grammar) { Clear(); }

void StateSets::Clear() {
  frames_.assign(1, {kEnd, 0, false});
  frame_numbers_.clear();
  sets_.clear();
  set_numbers_.clear();
  steps_.clear();
  bytes_ = 0;
}

int32_t StateSets::Start() { return Close({{grammar_->start(grammar_->root()), 0}}); }

int32_t StateSets::Close(absl::Span<const Place> places) {
  reached_.clear();
  seen_.clear();
  for (const Place& place : places) Reach(place.state, place.frame);
  return CloseReached();
}

int32_t StateSets::Step(int32_t set, uint8_t byte) {
  if (set == kDead || failed()) return kDead;
  std::vector<int32_t>& known = steps_[static_cast<size_t>(set)];
  if (known.empty()) {
    known.assign(static_cast<size_t>(grammar_->byte_classes()), kUnknown);
    bytes_ += known.size() * sizeof(int32_t);
  }
  const auto byte_class = static_cast<size_t>(grammar_->byte_class(byte));
  if (known[byte_class] != kUnknown) return known[byte_class];
  reached_.clear();
  seen_.clear();
  for (const Place& place : places(set)) {
    if (failed()) break;
    if (place.state == kEnd) continue;
    Spend(grammar_->edges(place.state).size());
    for (const Grammar::Edge& edge : grammar_->edges(place.state)) {
      if (edge.low <= byte && byte <= edge.high) Reach(edge.target, place.frame);
    }
  }
  const int32_t next = CloseReached();
  // Looked up again: a new set may have moved it.
  steps_[static_cast<size_t>(set)][byte_class] = next;
  return next;
}

int32_t StateSets::AddFrame(const Frame& frame) {
  const auto [at, is_new] = frame_numbers_.try_emplace(frame, static_cast<int32_t>(frames_.size()));
  if (is_new) {
    frames_.push_back(frame);
    bytes_ += 4 * sizeof(Frame);
  }
  return at->second;
}

void StateSets::Reach(int32_t state, int32_t frame) {
  if (seen_.insert({state, frame}).second) reached_.push_back({state, frame});
}

int32_t StateSets::CloseReached() {
  // reached_ grows while it is walked.
  for (size_t i = 0; i < reached_.size() && !failed(); ++i) {
    const Place place = reached_[i];
    if (place.state == kEnd) continue;
    for (const int32_t target : grammar_->jumps(place.state)) Reach(target, place.frame);
    for (const Grammar::Call& call : grammar_->calls(place.state)) {
      // A call behind which nothing comes needs no frame: what comes is its caller's.
      const int32_t frame =
          grammar_->only_ends(call.target)
              ? place.frame
              : AddFrame({call.target, place.frame, grammar_->is_character(call.rule)});
      Reach(grammar_->start(call.rule), frame);
    }
    if (grammar_->is_final(place.state)) {
      if (place.frame == 0) {
        Reach(kEnd, 0);
      } else {
        const Frame above = frames_[static_cast<size_t>(place.frame)];
        Reach(above.target, above.parent);
      }
    }
    has_too_many_places_ = reached_.size() > kMaxPlaces;
    Spend(1);
  }
  if (failed()) return kDead;
  // What has no bytes has done its work.
  Places places;
  for (const Place& place : reached_) {
    if (place.state == kEnd || !grammar_->edges(place.state).empty()) places.push_back(place);
  }
  if (places.empty()) return kDead;
  std::sort(places.begin(), places.end());
  return Intern(std::move(places));
}

int32_t StateSets::Intern(Places places) {
  const auto found = set_numbers_.find(places);
  if (found != set_numbers_.end()) return found->second;
  const auto number = static_cast<int32_t>(sets_.size());
  bytes_ += 2 * (sizeof(Places) + places.size() * sizeof(Place)) + 64;
  set_numbers_.emplace(places, number);
  sets_.push_back(std::move(places));
  steps_.emplace_back();
  return number;
}

void StateSets::Trim(absl::Span<int32_t> keep) {
  std::vector<Places> kept;
  for (const int32_t set : keep) kept.push_back(set == kDead ? Places() : sets_[set]);
  const std::vector<Frame> old_frames = std::move(frames_);
  Clear();
  std::vector<int32_t> chain;
  for (size_t i = 0; i < keep.size(); ++i) {
    if (keep[i] == kDead) continue;
    for (Place& place : kept[i]) {
      chain.clear();
      for (int32_t f = place.frame; f != 0; f = old_frames[static_cast<size_t>(f)].parent) {
        chain.push_back(f);
      }
      place.frame = 0;
      Spend(chain.size());
      for (size_t j = chain.size(); j-- > 0;) {
        const Frame& old = old_frames[static_cast<size_t>(chain[j])];
        place.frame = AddFrame({old.target, place.frame, old.is_character});
      }
    }
    std::sort(kept[i].begin(), kept[i].end());
    keep[i] = Intern(std::move(kept[i]));
  }
}

}  // namespace lluda::grammar
