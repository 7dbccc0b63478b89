/* What the harness owns: the order of work, and the two functions at which an engine starts and stops counting. */
#ifndef EDGEACC_HARNESS_H
#define EDGEACC_HARNESS_H

#include <stdint.h>

#define HARNESS_JOB 0x314A4445u    /* "EDJ1" */
#define HARNESS_RESULT 0x31524445u /* "EDR1" */

/* Codes of `harness_run`, and the exit codes of an image; 98 is a fault of the processor. */
enum { HARNESS_OK = 0, HARNESS_NO_JOB = 1, HARNESS_REFUSED = 2, HARNESS_NOT_WRITTEN = 3 };

/* A job is u32 HARNESS_JOB, u32 bytes of the model, u32 runs, then the inputs of each run, one after another.
   The result is u32 HARNESS_RESULT, i32 status of edgeacc_model_open, u32 layers, u32 bytes of all outputs;
   then the outputs of each run, and u32 bytes of stack. */
int harness_run(void);

void harness_layer_begin(uint32_t layer);
void harness_layer_end(uint32_t layer);

#endif
