#include "engine/grammar/char_automaton.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "base/json/json.h"
#include "base/utf8.h"

namespace lluda::grammar {
namespace {

using State = CharAutomaton::State;

int AddState(CharAutomaton* automaton, GrammarBuilder* budget) {
  budget->Spend(1);
  automaton->states.emplace_back();
  return static_cast<int>(automaton->states.size()) - 1;
}

// Thompson's construction. Anchors are jumps of their own until they are resolved.
class RegexCompiler {
 public:
  struct AnchorJump {
    int32_t from, target;
    RegexNode::Kind kind;
  };

  RegexCompiler(const Regex& regex, GrammarBuilder* budget) : regex_(regex), budget_(budget) {
    // Each set once, by the node that has it.
    set_of_node_.resize(regex.nodes.size());
    std::map<CharSet, int32_t> numbers;
    for (size_t i = 0; i < regex.nodes.size(); ++i) {
      if (regex.nodes[i].kind != RegexNode::Kind::kSet) continue;
      const auto next = static_cast<int32_t>(numbers.size());
      const auto [at, is_new] = numbers.try_emplace(regex.nodes[i].set, next);
      if (is_new) automaton_.sets.push_back(regex.nodes[i].set);
      set_of_node_[i] = at->second;
    }
  }

  CharAutomaton Compile(Extent extent) {
    int at = NewState();
    if (extent == Extent::kAnywhere) at = AnyText(at);
    at = Compile(static_cast<int>(regex_.nodes.size()) - 1, at);
    if (extent == Extent::kAnywhere) at = AnyText(at);
    automaton_.states[static_cast<size_t>(at)].is_final = true;
    return regex_.has_anchors ? ResolveAnchors() : std::move(automaton_);
  }

 private:
  int NewState() { return AddState(&automaton_, budget_); }
  void Jump(int from, int to) {
    budget_->Spend(1);
    automaton_.states[static_cast<size_t>(from)].jumps.push_back(to);
  }

  int AnyText(int from) {
    const int loop = NewState();
    Jump(from, loop);
    automaton_.sets.push_back(CharSet::All());
    const auto set = static_cast<int32_t>(automaton_.sets.size()) - 1;
    automaton_.states[static_cast<size_t>(loop)].edges.push_back({set, loop});
    return loop;
  }

  // Adds the node's texts behind `from` and returns the state behind them. The tree is as deep as
  // groups are nested, which the parser bounds.
  int Compile(int number, int from) {
    if (!budget_->Spend(1)) return from;
    const RegexNode& node = regex_.nodes[static_cast<size_t>(number)];
    switch (node.kind) {
      case RegexNode::Kind::kSet: {
        const int to = NewState();
        automaton_.states[static_cast<size_t>(from)].edges.push_back(
            {set_of_node_[static_cast<size_t>(number)], to});
        return to;
      }
      case RegexNode::Kind::kSequence:
        for (const int child : node.children) from = Compile(child, from);
        return from;
      case RegexNode::Kind::kChoice: {
        std::vector<int> ends;
        for (const int child : node.children) ends.push_back(Compile(child, from));
        const int to = NewState();
        for (const int end : ends) Jump(end, to);
        return to;
      }
      case RegexNode::Kind::kRepeat:
        return CompileRepeat(node, from);
      case RegexNode::Kind::kBegin:
      case RegexNode::Kind::kEnd: {
        const int to = NewState();
        anchors_.push_back({from, to, node.kind});
        return to;
      }
    }
    return from;
  }

  int CompileRepeat(const RegexNode& node, int from) {
    const int child = node.children.front();
    if (node.max == RegexNode::kUnbounded) {
      for (int i = 1; i < node.min && budget_->ok(); ++i) from = Compile(child, from);
      // The loop has a state of its own, into which nothing else leads back.
      const int loop = NewState();
      Jump(from, loop);
      const int end = Compile(child, loop);
      Jump(end, loop);
      return node.min == 0 ? loop : end;
    }
    for (int i = 0; i < node.min && budget_->ok(); ++i) from = Compile(child, from);
    if (node.min == node.max) return from;
    const int to = NewState();
    for (int i = node.min; i < node.max && budget_->ok(); ++i) {
      Jump(from, to);
      from = Compile(child, from);
    }
    Jump(from, to);
    return to;
  }

  // Gives each state a copy for each thing that matters to anchors: whether a character has been
  // read, and whether '$' has been passed, behind which there can be none.
  CharAutomaton ResolveAnchors() {
    enum Phase : int { kAtBegin = 0, kInside = 1, kEnded = 2 };  // kEnded is added to the others
    constexpr int kPhases = 4;
    std::vector<std::vector<AnchorJump>> anchors_of(automaton_.states.size());
    for (const AnchorJump& anchor : anchors_) {
      anchors_of[static_cast<size_t>(anchor.from)].push_back(anchor);
    }
    CharAutomaton resolved;
    absl::flat_hash_map<int64_t, int32_t> numbers;
    std::vector<std::pair<int32_t, int>> found;
    const auto number_of = [&](int32_t state, int phase) {
      const auto [at, is_new] =
          numbers.try_emplace(int64_t{state} * kPhases + phase, static_cast<int32_t>(found.size()));
      if (is_new) {
        found.push_back({state, phase});
        AddState(&resolved, budget_);
      }
      return at->second;
    };
    number_of(0, kAtBegin);
    for (size_t i = 0; i < found.size() && budget_->ok(); ++i) {
      const auto [number, phase] = found[i];
      const State& old = automaton_.states[static_cast<size_t>(number)];
      State state;
      state.is_final = old.is_final;
      for (const int32_t target : old.jumps) state.jumps.push_back(number_of(target, phase));
      if (phase < kEnded) {
        for (const CharAutomaton::Edge& edge : old.edges) {
          state.edges.push_back({edge.set, number_of(edge.target, kInside)});
        }
      }
      for (const AnchorJump& anchor : anchors_of[static_cast<size_t>(number)]) {
        if (anchor.kind == RegexNode::Kind::kEnd) {
          state.jumps.push_back(number_of(anchor.target, phase < kEnded ? phase + kEnded : phase));
        } else if (phase % kEnded == kAtBegin) {
          state.jumps.push_back(number_of(anchor.target, phase));
        }
      }
      budget_->Spend(static_cast<int64_t>(state.edges.size() + state.jumps.size()));
      resolved.states[i] = std::move(state);
    }
    resolved.sets = std::move(automaton_.sets);
    return resolved;
  }

  const Regex& regex_;
  GrammarBuilder* budget_;
  std::vector<int32_t> set_of_node_;
  CharAutomaton automaton_;
  std::vector<AnchorJump> anchors_;
};

}  // namespace

CharAutomaton FromRegex(const Regex& regex, Extent extent, GrammarBuilder* budget) {
  return RegexCompiler(regex, budget).Compile(extent);
}

CharAutomaton OfLength(int64_t min, std::optional<int64_t> max, GrammarBuilder* budget) {
  CharAutomaton automaton;
  automaton.sets.push_back(CharSet::All());
  const int64_t last = max.value_or(min);
  for (int64_t length = 0; length <= last && budget->ok(); ++length) {
    const int state = AddState(&automaton, budget);
    State& added = automaton.states[static_cast<size_t>(state)];
    added.is_final = length >= min;
    if (length < last) added.edges.push_back({0, state + 1});
    if (length == last && !max.has_value()) added.edges.push_back({0, state});
  }
  // One that was given up must not point behind its end.
  automaton.states.emplace_back();
  return automaton;
}

CharAutomaton Intersect(const CharAutomaton& a, const CharAutomaton& b, GrammarBuilder* budget) {
  CharAutomaton both;
  absl::flat_hash_map<std::pair<int32_t, int32_t>, int32_t> numbers;
  absl::flat_hash_map<std::pair<int32_t, int32_t>, int32_t> sets;
  std::vector<std::pair<int32_t, int32_t>> found;
  const auto number_of = [&](int32_t p, int32_t q) {
    const auto [at, is_new] = numbers.try_emplace({p, q}, static_cast<int32_t>(found.size()));
    if (is_new) {
      found.push_back({p, q});
      AddState(&both, budget);
    }
    return at->second;
  };
  const auto set_of = [&](int32_t p, int32_t q) {
    const auto [at, is_new] = sets.try_emplace({p, q}, static_cast<int32_t>(both.sets.size()));
    if (is_new) {
      const CharSet& first = a.sets[static_cast<size_t>(p)];
      const CharSet& second = b.sets[static_cast<size_t>(q)];
      both.sets.push_back(first.Intersection(second));
      budget->Spend(static_cast<int64_t>(first.ranges().size() + second.ranges().size()));
    }
    return at->second;
  };
  number_of(0, 0);
  for (size_t i = 0; i < found.size() && budget->ok(); ++i) {
    const auto [p, q] = found[i];
    const State& first = a.states[static_cast<size_t>(p)];
    const State& second = b.states[static_cast<size_t>(q)];
    State state;
    state.is_final = first.is_final && second.is_final;
    for (const int32_t target : first.jumps) state.jumps.push_back(number_of(target, q));
    for (const int32_t target : second.jumps) state.jumps.push_back(number_of(p, target));
    for (const CharAutomaton::Edge& x : first.edges) {
      for (const CharAutomaton::Edge& y : second.edges) {
        if (!budget->Spend(1)) break;
        const int32_t set = set_of(x.set, y.set);
        if (both.sets[static_cast<size_t>(set)].empty()) continue;
        state.edges.push_back({set, number_of(x.target, y.target)});
      }
    }
    both.states[i] = std::move(state);
  }
  return both;
}

bool Matches(const CharAutomaton& automaton, absl::string_view text) {
  std::vector<int32_t> now;
  std::vector<bool> seen(automaton.states.size(), false);
  const auto reach = [&](int32_t state) {
    if (seen[static_cast<size_t>(state)]) return;
    seen[static_cast<size_t>(state)] = true;
    now.push_back(state);
  };
  const auto close = [&] {
    for (size_t i = 0; i < now.size(); ++i) {
      const State& state = automaton.states[static_cast<size_t>(now[i])];
      for (const int32_t target : state.jumps) reach(target);
    }
  };
  reach(0);
  close();
  for (std::string_view rest = base::ToStd(text); !rest.empty();) {
    const base::Utf8Char c = base::ReadUtf8(rest);
    rest.remove_prefix(c.length);
    const std::vector<int32_t> last = std::move(now);
    now.clear();
    std::fill(seen.begin(), seen.end(), false);
    for (const int32_t number : last) {
      for (const CharAutomaton::Edge& edge : automaton.states[static_cast<size_t>(number)].edges) {
        if (automaton.sets[static_cast<size_t>(edge.set)].Contains(c.code_point)) {
          reach(edge.target);
        }
      }
    }
    close();
  }
  return std::any_of(now.begin(), now.end(), [&](int32_t number) {
    return automaton.states[static_cast<size_t>(number)].is_final;
  });
}

}  // namespace lluda::grammar
