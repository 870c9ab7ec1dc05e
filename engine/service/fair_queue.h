// Who goes next: the client that has been served least, and of a client the item that came first
// (a virtual token counter, Sheng et al. 2024, "Fairness in Serving Large Language Models").
//
//   FairQueue<int> queue;
//   queue.Push("a", 1);  queue.Push("a", 2);  queue.Push("b", 3);
//   queue.Pop(always);          // 1
//   queue.Charge("a", 0.5);     // seconds of work
//   queue.Pop(always);          // 3
//
// A client that comes anew, or again, starts at what the least served of those present has had: it
// neither pays for others nor saves up. A single client is served first come, first served.
#ifndef LLUDA_ENGINE_SERVICE_FAIR_QUEUE_H_
#define LLUDA_ENGINE_SERVICE_FAIR_QUEUE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lluda::engine {

template <typename Item>
class FairQueue {
 public:
  void Push(const std::string& client, Item item) {
    const auto [at, is_new] = clients_.try_emplace(client);
    Client& entry = at->second;
    if (entry.waiting.empty() && entry.running == 0) {
      entry.served = std::max(entry.served, LeastServed(client));
    }
    entry.waiting.push_back({next_++, std::move(item)});
    ++size_;
  }

  // The next item that is_ready holds for, which runs from now on until it is Finished; nothing if
  // there is none. Items that are not ready keep their places.
  template <typename IsReady>
  std::optional<Item> Pop(const IsReady& is_ready) {
    Client* best = nullptr;
    typename std::deque<Entry>::iterator best_entry;
    for (auto& [name, client] : clients_) {
      const auto entry = std::find_if(client.waiting.begin(), client.waiting.end(),
                                      [&](const Entry& e) { return is_ready(e.item); });
      if (entry == client.waiting.end()) continue;
      if (best != nullptr && std::make_pair(best->served, best_entry->order) <
                                 std::make_pair(client.served, entry->order)) {
        continue;
      }
      best = &client;
      best_entry = entry;
    }
    if (best == nullptr) return std::nullopt;
    Item item = std::move(best_entry->item);
    best->waiting.erase(best_entry);
    ++best->running;
    --size_;
    return item;
  }

  // An item of the client that was popped has ended.
  void Finished(const std::string& client) {
    const auto at = clients_.find(client);
    --at->second.running;
    ForgetIdle();
  }

  // The client has been served by so much, in whatever unit.
  void Charge(const std::string& client, double work) {
    const auto at = clients_.find(client);
    if (at != clients_.end()) at->second.served += work;
  }

  // Takes the waiting items that `is_wanted` holds for out of the queue.
  template <typename IsWanted>
  std::vector<Item> Remove(const IsWanted& is_wanted) {
    std::vector<Item> removed;
    for (auto& [name, client] : clients_) {
      auto& waiting = client.waiting;
      for (Entry& entry : waiting) {
        if (is_wanted(entry.item)) removed.push_back(entry.item);
      }
      waiting.erase(std::remove_if(waiting.begin(), waiting.end(),
                                   [&](const Entry& e) { return is_wanted(e.item); }),
                    waiting.end());
    }
    size_ -= removed.size();
    ForgetIdle();
    return removed;
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Those that are remembered.
  size_t clients() const { return clients_.size(); }

 private:
  struct Entry {
    int64_t order = 0;
    Item item;
  };
  struct Client {
    double served = 0;
    int64_t running = 0;
    std::deque<Entry> waiting;
    bool idle() const { return waiting.empty() && running == 0; }
  };

  // Of the clients present but this one; 0 if there is none.
  double LeastServed(const std::string& but) const {
    std::optional<double> least;
    for (const auto& [name, client] : clients_) {
      if (name == but || client.idle()) continue;
      least = std::min(least.value_or(client.served), client.served);
    }
    return least.value_or(0);
  }

  // An idle client that has had no more than those present would start at their level anyway; and
  // if all are idle, all may start anew.
  void ForgetIdle() {
    std::optional<double> least;
    for (const auto& [name, client] : clients_) {
      if (!client.idle()) least = std::min(least.value_or(client.served), client.served);
    }
    for (auto at = clients_.begin(); at != clients_.end();) {
      const bool forget = at->second.idle() && (!least || at->second.served <= *least);
      at = forget ? clients_.erase(at) : std::next(at);
    }
  }

  std::map<std::string, Client> clients_;
  int64_t next_ = 0;
  size_t size_ = 0;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SERVICE_FAIR_QUEUE_H_
