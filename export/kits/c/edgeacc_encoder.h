/* The network alone, for who prepares windows elsewhere: standard scores in, embedding out. */
#ifndef EDGEACC_ENCODER_H
#define EDGEACC_ENCODER_H

#include "edgeacc_model.h"

/* Memory that the network needs, aligned to 16 bytes. */
uint32_t edgeacc_encoder_bytes(void);

/* 1, or 0 where the memory is too small or the constants are damaged. */
int edgeacc_encoder_open(edgeacc_model *model, void *memory, uint32_t bytes);

/* From EDGEACC_AXES * EDGEACC_SAMPLES standard scores, one axis behind the other, to EDGEACC_EMBEDDING values. 1, or 0 where
   a score is no number: then nothing is written. */
int edgeacc_encoder_embed(edgeacc_model *model, const float *scores, float *embedding);

#endif
