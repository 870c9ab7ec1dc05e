// What those who write a model's functions and those who run them have to agree on: names. The
// importer writes this function, sessions call it:
//
//   func @step(%tokens: i32 tok[T], %pos: i32 tok[T], %slot: i32 tok[T], %rows: i32 row[R])
//       -> f32 row[R] vocab[151936]
//
// T tokens are computed, each of a position in the sequence of a slot, and R rows of them get
// logits. States have the axes slot[S] and pos[C].
//
// Where the module has symbols for pages, page-caches puts keys and values into pages of 64 positions,
// which sequences may share. States then have the axes page[P] and pos[64], and the step two more
// inputs, its last:
//
//   func @step(..., %page: i32 tok[T], %table: i32 slot[S] place[B]) -> ...
//
// `page` is where each token's keys and values go: what `table` has for its slot at pos / 64.
//
// A model that hears has the step
//
//   func @step(..., %rows: i32 row[R], %keep: f32 tok[T], %from: i32 tok[T],
//              %media: f32 med[M] hid[1024]) -> ...
//
// where a token's embedding is multiplied with its `keep`, 1 or, where it stands for sound, 0, and
// row `from` of `media` is added to it; row 0 is zeros. The rows come from two more entries:
//
//   func @audio_chunk(%mel: f32 time[100] mel[128], %mask1: f32 time[50], %mask2: f32 time[25])
//       -> f32 time[13] wide[896]
//   func @audio(%sound: f32 tok[A] wide[896], %place: i32 tok[A]) -> f32 tok[A] hid[1024]
//
// The first takes a second of sound through the convolutions, the second a window of such rows
// through the layers: nothing that they compute crosses a chunk, or a window.
//
// A model whose head can be read in part has a step more, which hides logits from those who want no
// more than the largest:
//
//   func @top(..., %rows: i32 row[Q], %kept: i32 row[Q]) -> f32 row[Q] vocab[151936]
//
// Of a row those logits are given that are at least its kept-th largest; the others are -inf.
//
// Example:
//   program.FindEntry(step_interface::kStep)->inputs[0] == step_interface::kTokens
#ifndef LLUDA_BASE_STEP_INTERFACE_H_
#define LLUDA_BASE_STEP_INTERFACE_H_

#include <cstdint>

namespace lluda::step_interface {

// Lists of calls. The load block makes packed weights of a checkpoint's and runs once; the entries
// are functions that are run from outside. Other functions are there to be called by them.
inline constexpr char kLoad[] = "load";
inline constexpr char kStep[] = "step";
inline constexpr char kTop[] = "top";
inline constexpr char kAudioChunk[] = "audio_chunk";
inline constexpr char kAudio[] = "audio";
// The step first; most models have no other.
inline constexpr const char* kEntries[] = {kStep, kTop, kAudioChunk, kAudio};

// Symbols.
inline constexpr char kTokenCount[] = "T";
inline constexpr char kRowCount[] = "R";
inline constexpr char kSlotCount[] = "S";
inline constexpr char kCapacity[] = "C";     // positions that a slot has room for
inline constexpr char kPageCount[] = "P";    // of all sequences
inline constexpr char kPlaceCount[] = "B";   // of pages, in a sequence
inline constexpr char kSoundCount[] = "A";   // rows of a window of sound
inline constexpr char kMediaCount[] = "M";   // rows of `media`
inline constexpr char kTopRowCount[] = "Q";  // rows of @top, at most kMostTopRows
// Those of all models.
inline constexpr const char* kSymbols[] = {kTokenCount, kRowCount, kSlotCount, kCapacity};

// The step's inputs, all i32 but for `keep` and `media`.
inline constexpr char kTokens[] = "tokens";
inline constexpr char kPositions[] = "pos";  // of each token in its sequence
inline constexpr char kSlots[] = "slot";     // which sequence each token is of
inline constexpr char kRows[] = "rows";      // which tokens' logits are wanted
inline constexpr const char* kInputs[] = {kTokens, kPositions, kSlots, kRows};
inline constexpr char kKeep[] = "keep";
inline constexpr char kFrom[] = "from";
inline constexpr char kMedia[] = "media";
inline constexpr const char* kInputsWithMedia[] = {kTokens, kPositions, kSlots, kRows,
                                                   kKeep,   kFrom,      kMedia};

// And of the step that hides logits: how many of a row's are wanted, at most kMostKept.
inline constexpr char kKept[] = "kept";
inline constexpr const char* kTopInputs[] = {kTokens, kPositions, kSlots, kRows, kKept};
inline constexpr int64_t kMostKept = 1024;
// Few, as several numbers for each token of the vocabulary are held for each of them.
inline constexpr int64_t kMostTopRows = 16;

// Behind those of any of these lists.
inline constexpr char kPage[] = "page";
inline constexpr char kPageTable[] = "table";
inline constexpr const char* kPageInputs[] = {kPage, kPageTable};

// Positions of a page: a multiple of what kernels read together, and a part of a section.
inline constexpr int kPagePositions = 64;

// Inputs of the entries for sound.
inline constexpr char kMel[] = "mel";      // of 100 frames, those that are missing zeros
inline constexpr char kMask1[] = "mask1";  // 1 for places behind the first convolution that count
inline constexpr char kMask2[] = "mask2";  // likewise, behind the second
inline constexpr const char* kAudioChunkInputs[] = {kMel, kMask1, kMask2};
inline constexpr char kSound[] = "sound";
inline constexpr char kPlace[] = "place";  // which row of its chunk each row is
inline constexpr const char* kAudioInputs[] = {kSound, kPlace};

// Axes: of the inputs, and of states.
inline constexpr char kTokenAxis[] = "tok";
inline constexpr char kRowAxis[] = "row";
inline constexpr char kMediaAxis[] = "med";
inline constexpr char kSlotAxis[] = "slot";
inline constexpr char kPositionAxis[] = "pos";
inline constexpr char kPageAxis[] = "page";
inline constexpr char kPlaceAxis[] = "place";  // of a sequence's pages

// States with recorded activations are named by this and the activation: "act_q_proj".
inline constexpr char kActivationPrefix[] = "act_";

}  // namespace lluda::step_interface

#endif  // LLUDA_BASE_STEP_INTERFACE_H_
