#include "base/json/json_writer.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace lluda::base {
namespace {

TEST(JsonWriterTest, PutsCommasBetweenValuesOnly) {
  JsonWriter json;
  json.BeginObject();
  json.Key("a").Int(-3).Key("b").BeginArray().BeginArray().EndArray().Bool(true).Null().EndArray();
  json.Key("c").BeginObject().EndObject().Key("d").Numbers({1, 2});
  json.EndObject();
  EXPECT_EQ(json.text(), R"({"a": -3, "b": [[], true, null], "c": {}, "d": [1, 2]})");
}

TEST(JsonWriterTest, EscapesWhatAStringMustNotHold) {
  JsonWriter json;
  json.String(std::string("a\"b\\c\n\r\t\x01\0 é", 13));
  EXPECT_EQ(json.text(), "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u0000 é\"");
}

TEST(JsonWriterTest, WritesNullForWhatIsNoNumber) {
  JsonWriter json;
  json.BeginArray()
      .Number(0.1)
      .Number(1.25e-7)
      .Number(std::numeric_limits<double>::quiet_NaN())
      .Number(-std::numeric_limits<double>::infinity())
      .EndArray();
  EXPECT_EQ(json.text(), "[0.1, 1.25e-07, null, null]");
}

TEST(JsonWriterTest, WritesFloatsWithAsManyDigitsAsTellThemApart) {
  JsonWriter json;
  json.Floats({0.1f, 16777217.0f, -1e-9f, std::numeric_limits<float>::infinity()});
  EXPECT_EQ(json.text(), "[0.1, 16777216, -1e-09, null]");
}

TEST(JsonWriterTest, ADocumentSaysFirstWhatItIs) {
  JsonWriter json;
  EXPECT_EQ(json.BeginDocument("lluda.x/1").Key("a").Int(1).EndDocument(),
            "{\"schema\": \"lluda.x/1\", \"a\": 1}\n");
}

}  // namespace
}  // namespace lluda::base
