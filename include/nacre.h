/* Nacre: a language for neural-network topologies, and its compiler. This header is the manual of the library.
 *
 * A session holds one program: load it, read its diagnostics, ask for reports, compile a network, run it.
 *
 *     struct nacre_session *s = nacre_session_new(NULL);
 *     if (nacre_session_load(s, "lenet.ncr") != NACRE_OK)
 *         fputs(nacre_session_diagnostics(s, NACRE_TEXT), stderr);
 *     puts(nacre_session_report(s, "lenet", NULL));
 *     struct nacre_network *net;
 *     if (nacre_network_compile(s, "lenet", NULL, "lenet.safetensors", &net) == NACRE_OK) {
 *         float scores[10];
 *         nacre_network_run(net, image, scores);
 *         nacre_network_free(net);
 *     }
 *     nacre_session_free(s);
 *
 * The library prints nothing, never exits, reads no environment variable and holds no mutable global. A session
 * belongs to one thread; different sessions may be used at once. Strings that it returns stay valid until the next
 * call on the same session, or its end. */
#ifndef NACRE_H
#define NACRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum nacre_status {
    NACRE_OK = 0,
    NACRE_DIAGNOSED = 1,   /* the program is wrong: see nacre_session_diagnostics */
    NACRE_USAGE = 2,       /* the request is wrong, e.g. there is no such net: see nacre_session_error */
    NACRE_ENVIRONMENT = 3, /* a file, memory or the disk: see nacre_session_error */
    NACRE_INTERRUPTED = 4  /* the stop callback returned true */
};

enum nacre_form { NACRE_TEXT, NACRE_JSON };

/* All fields may be zero. */
struct nacre_options {
    const char *stdlib_path; /* folder looked up before the built-in standard library */
    const char *data_path;   /* folder for relative data paths; NULL: the folder of the program */
    void *user;              /* handed to the callbacks */
    /* Called during long work; total 0 means unknown. */
    void (*progress)(void *user, const char *job, uint64_t done, uint64_t total, const char *text);
    bool (*stop)(void *user); /* polled during long work; true asks it to end */
};

struct nacre_session;
struct nacre_network;

/* "major.minor.patch" */
const char *nacre_version(void);

/* A new session. options may be NULL; its strings must outlive the session. NULL when out of memory. */
struct nacre_session *nacre_session_new(const struct nacre_options *options);
/* Frees the session and every string it gave out. Networks compiled from it must be freed before. NULL is allowed. */
void nacre_session_free(struct nacre_session *session);

/* Loads, parses and checks a program with all its imports, replacing what the session held.
 * NACRE_OK (warnings may exist), NACRE_DIAGNOSED, NACRE_ENVIRONMENT (the file cannot be read). */
enum nacre_status nacre_session_load(struct nacre_session *session, const char *path);
/* The same from a text in memory. name is used in diagnostics; folder (may be NULL) is the base of imports and data. */
enum nacre_status nacre_session_load_text(struct nacre_session *session, const char *name, const char *text,
                                          const char *folder);
/* All diagnostics of the last load and of later calls: as the command line prints them, or a JSON array with code,
 * severity, message, file, line, column, end_line, end_column, notes, help. Empty text / empty array where none. */
const char *nacre_session_diagnostics(struct nacre_session *session, enum nacre_form form);
/* Text of the last NACRE_USAGE or NACRE_ENVIRONMENT, without "error:". */
const char *nacre_session_error(const struct nacre_session *session);

/* The nets of the program, in source order. */
size_t nacre_session_net_count(const struct nacre_session *session);
const char *nacre_session_net_name(const struct nacre_session *session, size_t index); /* NULL past the end */

/* The static report as JSON (schema "nacre.report/1", the same as `nacre report --format json`). net: name, or NULL for
 * the only one. quant: name of a quant declaration, or NULL for the first, or linear int8 where there is none.
 * NULL after an error. */
const char *nacre_session_report(struct nacre_session *session, const char *net, const char *quant);

/* Quantises a trained network and compiles it for this machine. weights_path: safetensors as `nacre train` writes.
 * Calibration reads the program's data declaration that its train declaration names. */
enum nacre_status nacre_network_compile(struct nacre_session *session, const char *net, const char *quant,
                                        const char *weights_path, struct nacre_network **out);
void nacre_network_free(struct nacre_network *network);

/* Elements of the input and of the output tensor. */
size_t nacre_network_input_size(const struct nacre_network *network);
size_t nacre_network_output_size(const struct nacre_network *network);
/* Bytes of the tensor arena and of the packed constants; the arena is exactly as the report says. */
size_t nacre_network_arena_bytes(const struct nacre_network *network);
size_t nacre_network_constant_bytes(const struct nacre_network *network);

/* Runs one sample in integer arithmetic. input: real values in [C, H, W] order; output: real values (dequantised).
 * Does not allocate. One network may not be run by two threads at once. */
void nacre_network_run(struct nacre_network *network, const float *input, float *output);

#ifdef __cplusplus
}
#endif

#endif
