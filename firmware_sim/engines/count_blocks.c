/* QEMU plugin: which blocks of guest code were executed how often, layer by layer.
   Arguments: begin=ADDRESS end=ADDRESS layers=N code=FILE origin=ADDRESS out=FILE [width=BYTES]. At each execution of `begin` counting starts anew, at `end` the
   counts are written: a line "layer", then per block "start size times fell", where `fell` tells how often execution went
   on behind the block's last instruction. Only the first N layers are written. The code tells how long that instruction
   is: QEMU's own answer is 2 bytes too long where the next one crosses a page (seen in 7.2).
   QEMU's documentation of TCG plugins has the functions; Debian has no header of them, so their prototypes stand here. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;
typedef void (*exec_callback)(unsigned cpu, void *data);
typedef void (*translate_callback)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*exit_callback)(qemu_plugin_id_t id, void *data);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, translate_callback callback);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, exec_callback callback, int flags, void *data);
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, exit_callback callback, void *data);

EXPORT int qemu_plugin_version = PLUGIN_VERSION;

struct block {
    uint64_t start, end, times, fell;
    struct block *next;
};

enum { BUCKETS = 1 << 14 };
static struct block *buckets[BUCKETS], *previous;
static uint64_t begin, end, layers, origin, fixed_width;
static uint8_t code[1 << 18];
static size_t code_bytes;
static bool counting;
static FILE *out;

static struct block *block_of(uint64_t start, uint64_t behind)
{
    struct block **place = &buckets[(start >> 1) % BUCKETS];
    while (*place != NULL && ((*place)->start != start || (*place)->end != behind)) {
        place = &(*place)->next;
    }
    if (*place == NULL) {
        *place = calloc(1, sizeof **place);
        if (*place == NULL) {
            abort();
        }
        (*place)->start = start;
        (*place)->end = behind;
    }
    return *place;
}

/* Thumb: three patterns of the first five bits begin an instruction of 4 bytes. A64: all are of 4 (width=4). */
static uint64_t width(uint64_t address)
{
    const uint64_t high = address - origin + 1;
    if (fixed_width > 0) {
        return fixed_width;
    }
    return high < code_bytes && code[high] >> 3 >= 0x1D ? 4 : 2;
}

static void clear(void)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct block *each = buckets[i]; each != NULL; each = each->next) {
            each->times = each->fell = 0;
        }
    }
}

static void write_layer(void)
{
    fputs("layer\n", out);
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct block *each = buckets[i]; each != NULL; each = each->next) {
            if (each->times > 0) {
                fprintf(out, "%llu %llu %llu %llu\n", (unsigned long long)each->start,
                        (unsigned long long)(each->end - each->start), (unsigned long long)each->times,
                        (unsigned long long)each->fell);
            }
        }
    }
}

static void executed(unsigned cpu, void *data)
{
    struct block *block = data;
    (void)cpu;
    if (previous != NULL && previous->end == block->start) {
        previous->fell++;
    }
    if (block->start == begin && layers > 0) {
        clear();
        counting = true;
    } else if (block->start == end && counting) {
        write_layer();
        counting = false;
        layers--;
    }
    block->times++;
    previous = block;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    const size_t count = qemu_plugin_tb_n_insns(tb);
    const uint64_t last = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, count - 1));
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0, block_of(qemu_plugin_tb_vaddr(tb), last + width(last)));
}

static void finish(qemu_plugin_id_t id, void *data)
{
    (void)id;
    (void)data;
    fclose(out);
}

static void read_code(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file != NULL) {
        code_bytes = fread(code, 1, sizeof code, file);
        fclose(file);
    }
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int count, char **arguments)
{
    (void)info;
    for (int i = 0; i < count; i++) {
        const char *text = arguments[i];
        if (strncmp(text, "begin=", 6) == 0) {
            begin = strtoull(text + 6, NULL, 0);
        } else if (strncmp(text, "end=", 4) == 0) {
            end = strtoull(text + 4, NULL, 0);
        } else if (strncmp(text, "layers=", 7) == 0) {
            layers = strtoull(text + 7, NULL, 0);
        } else if (strncmp(text, "origin=", 7) == 0) {
            origin = strtoull(text + 7, NULL, 0);
        } else if (strncmp(text, "width=", 6) == 0) {
            fixed_width = strtoull(text + 6, NULL, 0);
        } else if (strncmp(text, "code=", 5) == 0) {
            read_code(text + 5);
        } else if (strncmp(text, "out=", 4) == 0) {
            out = fopen(text + 4, "w");
        }
    }
    if (out == NULL || code_bytes == 0) {
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, finish, NULL);
    return 0;
}
