// How weights were chosen, as a table for people and as JSON.
//
//   ChosenText(chosen);
//   // weights of kl=0.01, measured on 511 tokens of text.txt
//   // layers 0-6, q k         q5_k      22.0 MB  KL 1.3e-04
//   // ...
#ifndef LLUDA_ENGINE_WEIGHT_BUDGET_CHOSEN_TEXT_H_
#define LLUDA_ENGINE_WEIGHT_BUDGET_CHOSEN_TEXT_H_

#include <string>

#include "base/json/json_writer.h"
#include "frontends/chosen_weights.h"

namespace lluda::engine {

std::string ChosenText(const frontends::ChosenWeights& chosen);

// The same in an object that is begun.
void AppendChosenJson(const frontends::ChosenWeights& chosen, base::JsonWriter* json);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_WEIGHT_BUDGET_CHOSEN_TEXT_H_
