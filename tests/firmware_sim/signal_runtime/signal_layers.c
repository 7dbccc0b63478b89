#include "edgeacc_model.h"

#include "edgeacc_signal.h"

extern const edgeacc_tables app_tables;

static edgeacc_signal signal;

static uint32_t raw_samples(void) { return app_tables.source_samples + app_tables.source_mhz * 2u / 1000u; }

/* The blob is the form of the ring, i32. The arena: raw samples, the network's input, the signal's memory. */
edgeacc_status edgeacc_model_open(edgeacc_model *model, const uint8_t *blob, uint32_t blob_bytes, uint8_t *arena,
                                  uint32_t arena_bytes)
{
    const uint32_t raw_bytes = (raw_samples() * 6u + 15u) & ~15u;
    const uint32_t behind = raw_bytes + ((3u * app_tables.samples + 15u) & ~15u);
    model->fixed_bits = (int8_t)blob[0];
    model->raw = (int16_t *)(void *)arena;
    model->input = (int8_t *)arena + raw_bytes;
    model->memory = arena + behind;
    model->memory_bytes = arena_bytes - behind;
    return blob_bytes >= 1 && arena_bytes > behind ? EDGEACC_OK : SIGNAL_REFUSED;
}

uint32_t edgeacc_model_layers(const edgeacc_model *model)
{
    (void)model;
    return 3;
}

int8_t *edgeacc_model_input(edgeacc_model *model, uint32_t index, uint32_t *bytes)
{
    *bytes = raw_samples() * 6u;
    return index == 0 ? (int8_t *)model->raw : 0;
}

const int8_t *edgeacc_model_output(const edgeacc_model *model, uint32_t index, uint32_t *bytes)
{
    *bytes = 3u * app_tables.samples;
    return index == 0 ? model->input : 0;
}

static void push_all(edgeacc_model *model)
{
    const edgeacc_config config = {&app_tables, {{0, 1, 2}, {1, 1, 1}}, 1.0f / 4096.0f,
                                   8.0f,        app_tables.samples,     model->fixed_bits};
    (void)edgeacc_signal_open(&signal, &config, model->memory, model->memory_bytes);
    for (uint32_t i = 0; i < raw_samples() && !edgeacc_signal_due(&signal); i++) {
        const uint64_t t_ns = (uint64_t)i * 1000000000000u / app_tables.source_mhz;
        (void)edgeacc_signal_push_raw(&signal, (int64_t)t_ns, model->raw + 3u * i);
    }
}

void edgeacc_model_run_layer(edgeacc_model *model, uint32_t layer)
{
    if (layer == 0) {
        push_all(model);
    } else if (layer == 1) {
        (void)edgeacc_signal_verdict(&signal);
    } else {
        (void)edgeacc_signal_input(&signal, 0.05f, 0, model->input);
    }
}
