/* A C program that runs a compiled model without lluda:
 *
 *   lluda compile -o stories.llb --emit=object,header
 *   cc -I. run_model.c stories.o -o run_model
 *   ./run_model stories.llb 8  <tokens>     prints the 8 likeliest next tokens, one after the other
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stories.h"

static void* Allocate(int64_t bytes) {
  return mmap(NULL, (size_t)(bytes > 0 ? bytes : 1), PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int32_t Likeliest(const float* logits) {
  int32_t best = 0;
  for (int32_t i = 1; i < STORIES_VOCABULARY; ++i) {
    if (logits[i] > logits[best]) best = i;
  }
  return best;
}

int main(int argc, char** argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: run_model BUNDLE COUNT TOKEN...\n");
    return 2;
  }
  if (STORIES_NEEDS_AMX && syscall(SYS_arch_prctl, 0x1023, 18) != 0) {
    fprintf(stderr, "run_model: the system does not let this process use AMX\n");
    return 1;
  }
  const int file = open(argv[1], O_RDONLY);
  struct stat info;
  if (file < 0 || fstat(file, &info) != 0 ||
      info.st_size < STORIES_WEIGHTS_OFFSET + STORIES_WEIGHTS_BYTES) {
    fprintf(stderr, "run_model: %s: is not the bundle that belongs to this program\n", argv[1]);
    return 2;
  }
  stories_memory memory;
  memory.weights = mmap(NULL, (size_t)STORIES_WEIGHTS_BYTES, PROT_READ, MAP_SHARED, file,
                        (off_t)STORIES_WEIGHTS_OFFSET);
  memory.states = Allocate(STORIES_STATE_BYTES);
  memory.frame = Allocate(STORIES_FRAME_BYTES);
  memory.scratch = Allocate(STORIES_SCRATCH_BYTES);
  static float logits[STORIES_VOCABULARY];

  int32_t tokens[STORIES_MAX_STEP];
  int32_t count = 0;
  for (int i = 3; i < argc && count < STORIES_MAX_STEP; ++i) tokens[count++] = atoi(argv[i]);
  int32_t position = 0;
  for (int made = 0; made < atoi(argv[2]); ++made) {
    if (stories_step(&memory, tokens, count, position, logits) != 0) {
      fprintf(stderr, "run_model: the context is full\n");
      return 1;
    }
    position += count;
    tokens[0] = Likeliest(logits);
    count = 1;
    printf(made == 0 ? "%d" : " %d", tokens[0]);
  }
  printf("\n");
  return 0;
}
