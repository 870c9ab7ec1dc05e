// How the block dtypes of a model's matrices were chosen within a budget (engine/weight_budget): what
// `lluda explain` tells of a bundle that was compiled so.
//
//   chosen.rows[0];  // {"layers 0-6, q k", "q5_k", 22020096, 1.3e-4}
#ifndef LLUDA_FRONTENDS_CHOSEN_WEIGHTS_H_
#define LLUDA_FRONTENDS_CHOSEN_WEIGHTS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace lluda::frontends {

struct ChosenWeights {
  // Matrices that have one dtype.
  struct Row {
    std::string matrices;
    std::string type;   // empty: as the checkpoint has them
    int64_t bytes = 0;  // of that type
    double kl = 0;      // what they alone cost, as it was predicted, in nats
  };

  std::string budget;  // as the user wrote it: "kl=0.01"
  std::string text;    // by name, of whose first tokens so many were predicted
  int64_t positions = 0;
  std::vector<Row> rows;
  // What the mixture as a whole measured against the model that is not quantised.
  double kl = 0;            // the mean, in nats
  int64_t same_top = 0;     // positions with the same likeliest token
  int64_t bytes = 0;        // of all weights, as they are held
  int64_t plain_bytes = 0;  // of those of the model that is not quantised
};

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_CHOSEN_WEIGHTS_H_
