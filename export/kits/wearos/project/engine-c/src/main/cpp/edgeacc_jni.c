/* The encoder in C for edgeacc.engine.CEncoder. Scores and embeddings are floats; the network between them is int8. */
#include <jni.h>
#include <stdlib.h>

#include "edgeacc_encoder.h"
#include "edgeacc_wrist.h"

typedef struct {
    edgeacc_model model;
    unsigned char *space; /* the arena lies in it, aligned */
} encoder;

static void *aligned(unsigned char *space) { return space + (16 - (uintptr_t)space % 16); }

JNIEXPORT jlong JNICALL Java_edgeacc_engine_CEncoder_open(JNIEnv *env, jclass owner)
{
    encoder *made = malloc(sizeof *made);
    (void)env;
    (void)owner;
    if (made == 0) {
        return 0;
    }
    made->space = malloc(edgeacc_encoder_bytes() + 16);
    if (made->space == 0 || !edgeacc_encoder_open(&made->model, aligned(made->space), edgeacc_encoder_bytes())) {
        free(made->space);
        free(made);
        return 0;
    }
    return (jlong)(intptr_t)made;
}

JNIEXPORT void JNICALL Java_edgeacc_engine_CEncoder_close(JNIEnv *env, jclass owner, jlong handle)
{
    encoder *given = (encoder *)(intptr_t)handle;
    (void)env;
    (void)owner;
    free(given->space);
    free(given);
}

/* `scores` is (3, T) in one array. 0 where it is not, or holds what is no number. */
JNIEXPORT jfloatArray JNICALL Java_edgeacc_engine_CEncoder_run(JNIEnv *env, jclass owner, jlong handle, jfloatArray scores)
{
    encoder *given = (encoder *)(intptr_t)handle;
    jfloat values[EDGEACC_EMBEDDING];
    (void)owner;
    if ((*env)->GetArrayLength(env, scores) != EDGEACC_AXES * EDGEACC_SAMPLES) {
        return 0;
    }
    jfloat *each = (*env)->GetFloatArrayElements(env, scores, 0);
    if (each == 0) {
        return 0;
    }
    const int embedded = edgeacc_encoder_embed(&given->model, each, values);
    (*env)->ReleaseFloatArrayElements(env, scores, each, JNI_ABORT);
    jfloatArray embedding = embedded ? (*env)->NewFloatArray(env, EDGEACC_EMBEDDING) : 0;
    if (embedding != 0) {
        (*env)->SetFloatArrayRegion(env, embedding, 0, EDGEACC_EMBEDDING, values);
    }
    return embedding;
}

/* The self-test of the C signal code and encoder, bit by bit: passed, score difference, wrong bytes. */
JNIEXPORT jfloatArray JNICALL Java_edgeacc_engine_CEncoder_selfTest(JNIEnv *env, jclass owner)
{
    edgeacc_wrist *wrist = malloc(sizeof *wrist);
    unsigned char *space = malloc(EDGEACC_SELF_TEST_BYTES + 16);
    edgeacc_self_test found;
    jfloatArray told = 0;
    (void)owner;
    if (wrist != 0 && space != 0) {
        (void)edgeacc_wrist_self_test(wrist, aligned(space), EDGEACC_SELF_TEST_BYTES, &found);
        const jfloat values[3] = {(jfloat)found.passed, found.score_difference, (jfloat)found.wrong_bytes};
        told = (*env)->NewFloatArray(env, 3);
        if (told != 0) {
            (*env)->SetFloatArrayRegion(env, told, 0, 3, values);
        }
    }
    free(space);
    free(wrist);
    return told;
}
