/* From samples of a wrist's accelerometer to embeddings of the encoder, and what it was checked with.

   Research software, not a medical device.

   C99, no heap, no global state that changes. Order of calls: edgeacc_wrist_open, then edgeacc_wrist_push for each
   sample, on the sensor's own time stamps. When edgeacc_wrist_due answers 1, edgeacc_wrist_embed judges the window
   and, if it may be used, writes its embedding. */
#ifndef EDGEACC_WRIST_H
#define EDGEACC_WRIST_H

#include "edgeacc_model.h"
#include "edgeacc_signal.h"
#include "encoder.h"

enum { EDGEACC_SILENT_S = 2 }; /* without a sample for so long, the sensor has stopped */

typedef struct {
    edgeacc_signal signal;
    edgeacc_model model;
    int64_t last_ns;
    int heard;
} edgeacc_wrist;

typedef enum {
    EDGEACC_WRIST_OPEN = 0,
    EDGEACC_WRIST_NO_MODEL = 1,  /* the encoder's constants are damaged */
    EDGEACC_WRIST_NO_MEMORY = 2, /* less than edgeacc_wrist_bytes, or not aligned to 16 bytes */
    EDGEACC_WRIST_NO_CONFIG = 3  /* a configuration that edgeacc_signal.h does not allow */
} edgeacc_wrist_status;

/* Samples in g, total acceleration with gravity, x y z in the contract's frame (edgeacc_frame_of_watch gives another), a
   window every `stride_s` seconds. `range_g` is the sensor's, such as 8. */
edgeacc_config edgeacc_wrist_config(const edgeacc_tables *tables, float range_g, float stride_s);

/* Memory that a wrist needs beside the structure, aligned to 16 bytes; 0 where the configuration is not possible. */
uint32_t edgeacc_wrist_bytes(const edgeacc_config *config);

/* Called again, it forgets every sample. */
edgeacc_wrist_status edgeacc_wrist_open(edgeacc_wrist *wrist, const edgeacc_config *config, void *memory, uint32_t bytes);

/* One sample; see edgeacc_taken. What is not EDGEACC_TAKEN is worth a line in the app's log. */
edgeacc_taken edgeacc_wrist_push(edgeacc_wrist *wrist, int64_t t_ns, const float xyz[EDGEACC_AXES]);

/* Whether the sensor has stopped, by its own clock's present time. */
int edgeacc_wrist_silent(const edgeacc_wrist *wrist, int64_t now_ns);

/* Whether a window became due with the last sample. */
int edgeacc_wrist_due(const edgeacc_wrist *wrist);

/* Judge the window that is due; EDGEACC_USE: its embedding was written. Otherwise nothing was. */
edgeacc_verdict edgeacc_wrist_embed(edgeacc_wrist *wrist, float embedding[EDGEACC_EMBEDDING]);

#if EDGEACC_HAS_PROBE
/* The bundle's linear heart-rate probe: beats per minute. Its error is told in card.md. */
float edgeacc_wrist_heart_rate_bpm(const float embedding[EDGEACC_EMBEDDING]);
#endif

/* What the self-test found. */
typedef struct {
    int passed;
    edgeacc_wrist_status status; /* of opening */
    edgeacc_verdict verdict;     /* EDGEACC_USE */
    float score_difference;      /* largest, of the prepared window from Python's; at most EDGEACC_SCORE_TOLERANCE */
    uint32_t wrong_bytes;        /* of the encoder's output on the golden input; 0 */
    float embedding_difference;  /* largest, of the embedding from the golden one, in its steps; told, not judged */
} edgeacc_self_test;

#define EDGEACC_SCORE_TOLERANCE 1e-5f

/* Run the golden window through signal core and encoder. Memory is as for edgeacc_wrist_open with the golden window's
   own configuration: EDGEACC_SELF_TEST_BYTES. Run it when the app starts: an update of the system can change more than it
   says. */
int edgeacc_wrist_self_test(edgeacc_wrist *wrist, void *memory, uint32_t bytes, edgeacc_self_test *result);

#endif
