#include "edgeacc_model.h"

#include "edgeacc_layers.h"

#include <string.h>

enum { MAGIC = 0x4D474445, VERSION = 1 }; /* "EDGM" */

/* The first words of a blob. Tables are counted in entries and placed in bytes from the start. */
typedef struct {
    uint32_t magic, version, bytes, checksum; /* CRC-32 of all that follows */
    uint32_t arena_bytes;
    uint32_t inputs, inputs_at; /* of ports */
    uint32_t outputs, outputs_at;
    uint32_t layers, layers_at; /* of layer entries */
    uint32_t resets;            /* so many layers at the start belong to edgeacc_model_reset */
} header;

typedef struct {
    int32_t place;
    uint32_t bytes;
} port;

typedef struct {
    uint32_t kernel, parameters_at;
} layer_entry;

static const header *header_of(const edgeacc_model *model) { return (const header *)(const void *)model->blob; }

static const port *ports_at(const edgeacc_model *model, uint32_t at)
{
    return (const port *)(const void *)(model->blob + at);
}

static const layer_entry *layers_of(const edgeacc_model *model)
{
    return (const layer_entry *)(const void *)(model->blob + header_of(model)->layers_at);
}

/* CRC-32 as in ISO/IEC 3309, four bits at a time. */
static uint32_t checksum_of(const uint8_t *bytes, uint32_t count)
{
    static const uint32_t table[16] = {0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u,
                                       0x4DB26158u, 0x5005713Cu, 0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
                                       0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu};
    uint32_t crc = 0xFFFFFFFFu;
    for (uint32_t i = 0; i < count; i++) {
        crc = table[(crc ^ bytes[i]) & 15u] ^ (crc >> 4);
        crc = table[(crc ^ (uint32_t)(bytes[i] >> 4)) & 15u] ^ (crc >> 4);
    }
    return ~crc;
}

static int is_table(const edgeacc_model *model, uint32_t at, uint32_t count, uint32_t entry_bytes)
{
    return at % 4u == 0 && at <= model->blob_bytes && count <= (model->blob_bytes - at) / entry_bytes;
}

static int are_ports(const edgeacc_model *model, uint32_t at, uint32_t count)
{
    if (!is_table(model, at, count, sizeof(port))) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!edgeacc_writable(model, ports_at(model, at)[i].place, ports_at(model, at)[i].bytes)) {
            return 0;
        }
    }
    return 1;
}

static edgeacc_status check_layer(const edgeacc_model *model, const layer_entry *entry)
{
    const edgeacc_kernel *kernel = entry->kernel < EDGEACC_KERNELS ? edgeacc_kernels[entry->kernel] : 0;
    if (kernel == 0) {
        return EDGEACC_NO_KERNEL;
    }
    if (!is_table(model, entry->parameters_at, kernel->words, 4)) {
        return EDGEACC_BAD_TABLE;
    }
    return kernel->check(model, model->blob + entry->parameters_at) ? EDGEACC_OK : EDGEACC_BAD_LAYER;
}

static edgeacc_status check(const edgeacc_model *model, uint32_t arena_bytes)
{
    const header *head = header_of(model);
    if (model->blob_bytes < sizeof(header) || head->magic != MAGIC) {
        return EDGEACC_NOT_A_MODEL;
    }
    if (head->version != VERSION) {
        return EDGEACC_OTHER_VERSION;
    }
    if (head->bytes != model->blob_bytes || checksum_of(model->blob + 16, model->blob_bytes - 16) != head->checksum) {
        return EDGEACC_DAMAGED;
    }
    if (head->arena_bytes > arena_bytes || head->arena_bytes > INT32_MAX || (uintptr_t)model->arena % 16u != 0) {
        return EDGEACC_ARENA_TOO_SMALL;
    }
    if (!are_ports(model, head->inputs_at, head->inputs) || !are_ports(model, head->outputs_at, head->outputs) ||
        !is_table(model, head->layers_at, head->layers, sizeof(layer_entry)) || head->resets > head->layers) {
        return EDGEACC_BAD_TABLE;
    }
    for (uint32_t i = 0; i < head->layers; i++) {
        const edgeacc_status status = check_layer(model, &layers_of(model)[i]);
        if (status != EDGEACC_OK) {
            return status;
        }
    }
    return EDGEACC_OK;
}

edgeacc_status edgeacc_model_open(edgeacc_model *model, const uint8_t *blob, uint32_t blob_bytes, uint8_t *arena,
                                  uint32_t arena_bytes)
{
    if ((uintptr_t)blob % 16u != 0 || blob_bytes < sizeof(header) || blob_bytes > INT32_MAX) {
        return EDGEACC_NOT_A_MODEL;
    }
    model->blob = blob;
    model->blob_bytes = blob_bytes;
    model->arena = arena;
    model->arena_bytes = header_of(model)->arena_bytes;
    const edgeacc_status status = check(model, arena_bytes);
    if (status == EDGEACC_OK) {
        edgeacc_model_reset(model);
    }
    return status;
}

uint32_t edgeacc_model_layers(const edgeacc_model *model)
{
    return header_of(model)->layers - header_of(model)->resets;
}

int8_t *edgeacc_model_input(edgeacc_model *model, uint32_t index, uint32_t *bytes)
{
    const header *head = header_of(model);
    if (index >= head->inputs) {
        return 0;
    }
    const port *input = &ports_at(model, head->inputs_at)[index];
    *bytes = input->bytes;
    return edgeacc_write(model, input->place);
}

const int8_t *edgeacc_model_output(const edgeacc_model *model, uint32_t index, uint32_t *bytes)
{
    const header *head = header_of(model);
    if (index >= head->outputs) {
        return 0;
    }
    const port *output = &ports_at(model, head->outputs_at)[index];
    *bytes = output->bytes;
    return edgeacc_read(model, output->place);
}

static void run_entry(edgeacc_model *model, const layer_entry *entry)
{
    edgeacc_kernels[entry->kernel]->run(model, model->blob + entry->parameters_at);
}

void edgeacc_model_run_layer(edgeacc_model *model, uint32_t layer)
{
    run_entry(model, &layers_of(model)[header_of(model)->resets + layer]);
}

void edgeacc_model_run(edgeacc_model *model)
{
    const uint32_t layers = edgeacc_model_layers(model);
    for (uint32_t layer = 0; layer < layers; layer++) {
        edgeacc_model_run_layer(model, layer);
    }
}

void edgeacc_model_reset(edgeacc_model *model)
{
    memset(model->arena, 0, model->arena_bytes);
    for (uint32_t i = 0; i < header_of(model)->resets; i++) {
        run_entry(model, &layers_of(model)[i]);
    }
}
