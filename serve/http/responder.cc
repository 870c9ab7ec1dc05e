#include "serve/http/responder.h"

#include <utility>

namespace lluda::http {

Responder::~Responder() {
  if (answered_) return;
  queue_->Post([sink = sink_, exchange = exchange_] { sink->Abandon(exchange); });
}

void Responder::Respond(Response response) {
  answered_ = true;
  queue_->Post([sink = sink_, exchange = exchange_, response = std::move(response)]() mutable {
    sink->Respond(exchange, std::move(response));
  });
}

void Responder::PrepareStream(Response head, std::string ping) {
  queue_->Post([sink = sink_, exchange = exchange_, head = std::move(head),
                ping = std::move(ping)]() mutable {
    sink->PrepareStream(exchange, std::move(head), std::move(ping));
  });
}

void Responder::Write(std::string piece) {
  queue_->Post([sink = sink_, exchange = exchange_, piece = std::move(piece)]() mutable {
    sink->Write(exchange, std::move(piece));
  });
}

void Responder::EndStream() {
  answered_ = true;
  queue_->Post([sink = sink_, exchange = exchange_] { sink->EndStream(exchange); });
}

void Responder::FailStream(Response response, std::string last) {
  answered_ = true;
  queue_->Post([sink = sink_, exchange = exchange_, response = std::move(response),
                last = std::move(last)]() mutable {
    sink->FailStream(exchange, std::move(response), std::move(last));
  });
}

void Responder::Watch(ClientWatcher watcher) {
  queue_->Post([sink = sink_, exchange = exchange_, watcher = std::move(watcher)]() mutable {
    sink->Watch(exchange, std::move(watcher));
  });
}

}  // namespace lluda::http
