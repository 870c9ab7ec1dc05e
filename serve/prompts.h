// From a request to what the service takes: the prompt's tokens, sampler, stops.
//
//   std::vector<engine::ServiceRequest> requests;
//   if (api::Refusal refusal = ChatPrompt(model, request, &tokens)) ...
#ifndef LLUDA_SERVE_PROMPTS_H_
#define LLUDA_SERVE_PROMPTS_H_

#include <cstdint>
#include <vector>

#include "engine/service/service.h"
#include "frontends/jinja/value/text.h"
#include "serve/api/embeddings.h"
#include "serve/api/generation_request.h"
#include "serve/served_model.h"

namespace lluda::serve {

// What the conversation becomes by the model's chat template.
api::Refusal RenderChat(const ServedModel& model, const api::GenerationRequest& request,
                        jinja::Text* text);

// A request for each prompt, but for client and prefix_key. `seed` is what the first choice is drawn
// with.
api::Refusal MakeServiceRequests(const ServedModel& model, api::Endpoint endpoint,
                                 const api::GenerationRequest& request, int64_t seed,
                                 std::vector<engine::ServiceRequest>* requests);

// The tokens of each text that is to become a vector.
api::Refusal InputTexts(const ServedModel& model, const api::EmbeddingsRequest& request,
                        std::vector<std::vector<int32_t>>* texts);

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_PROMPTS_H_
