#include "edgeacc_signal.h"

int edgeacc_frame_of_watch(edgeacc_platform platform, edgeacc_side wrist, edgeacc_side crown, edgeacc_frame *frame)
{
    const int known = (platform == EDGEACC_APPLE || platform == EDGEACC_ANDROID) &&
                      (wrist == EDGEACC_LEFT || wrist == EDGEACC_RIGHT) && (crown == EDGEACC_LEFT || crown == EDGEACC_RIGHT);
    if (!known) {
        return 0;
    }
    const int up = platform == EDGEACC_ANDROID ? 1 : -1;
    const int turned = crown == EDGEACC_RIGHT ? up : -up;
    for (uint8_t i = 0; i < EDGEACC_AXES; i++) {
        frame->from[i] = i;
    }
    frame->sign[0] = (int8_t)(wrist == EDGEACC_LEFT ? turned : -turned);
    frame->sign[1] = (int8_t)turned;
    frame->sign[2] = (int8_t)up;
    return 1;
}
