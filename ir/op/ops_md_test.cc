#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "gtest/gtest.h"
#include "ir/op/op_info.h"

namespace lluda::ir {
namespace {

// The names behind "### ", each of which has to be followed by text.
std::multiset<std::string> DescribedOps() {
  std::ifstream file("ir/op/ops.md");
  std::multiset<std::string> names;
  std::string line, heading;
  while (std::getline(file, line)) {
    if (line.rfind("### ", 0) == 0) {
      heading = line.substr(4);
    } else if (!heading.empty() && !line.empty() && line[0] != '#') {
      names.insert(heading);
      heading.clear();
    }
  }
  return names;
}

TEST(OpsMd, DescribesEveryOpOfTheTableOnce) {
  const std::multiset<std::string> described = DescribedOps();
  for (const OpInfo& op : AllOps()) {
    EXPECT_EQ(described.count(std::string(op.name)), 1u) << op.name;
  }
}

TEST(OpsMd, DescribesNoOpThatTheTableLacks) {
  for (const std::string& name : DescribedOps()) {
    EXPECT_TRUE(OpcodeFromName(name).has_value()) << name;
  }
}

}  // namespace
}  // namespace lluda::ir
