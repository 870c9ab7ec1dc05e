// What a request's text has to be, compiled: schemas, regular expressions, calls of tools.
//
//   std::shared_ptr<const grammar::Constraint> constraint;   // stays null for any text
//   if (api::Refusal refusal = MakeConstraint(model, request, prompt, &constraint)) ...
#ifndef LLUDA_SERVE_CONSTRAINTS_H_
#define LLUDA_SERVE_CONSTRAINTS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/types/span.h"
#include "engine/grammar/constraint.h"
#include "serve/api/generation_request.h"
#include "serve/served_model.h"

namespace lluda::serve {

// An answer's grammar stands behind its thought; a text that is continued has none.
api::Refusal MakeConstraint(const ServedModel& model, api::Endpoint endpoint,
                            const api::GenerationRequest& request, absl::Span<const int32_t> prompt,
                            std::shared_ptr<const grammar::Constraint>* constraint);

// The field that the constraint is made of.
std::string ConstraintParam(const api::GenerationRequest& request);

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_CONSTRAINTS_H_
