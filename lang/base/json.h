// JSON writer: streaming, indented by two spaces, keys in the order given, so that equal data are equal bytes.
// Reading JSON is the library jansson's job.
#ifndef NCR_BASE_JSON_H
#define NCR_BASE_JSON_H

#include "lang/base/str.h"

enum { NCR_JSON_DEPTH = 64 };

struct ncr_json {
    struct ncr_buf *out;
    uint32_t depth;
    bool is_array[NCR_JSON_DEPTH], has_item[NCR_JSON_DEPTH], after_key;
};

void ncr_json_init(struct ncr_json *json, struct ncr_buf *out);
void ncr_json_object(struct ncr_json *json);
void ncr_json_array(struct ncr_json *json);
// Closes the innermost object or array.
void ncr_json_end(struct ncr_json *json);
void ncr_json_key(struct ncr_json *json, const char *key);
// Invalid UTF-8 is replaced by U+FFFD.
void ncr_json_str(struct ncr_json *json, struct ncr_str v);
void ncr_json_i64(struct ncr_json *json, int64_t v);
// Shortest text that reads back; nan and infinities become null.
void ncr_json_f64(struct ncr_json *json, double v);
void ncr_json_bool(struct ncr_json *json, bool v);
void ncr_json_null(struct ncr_json *json);
void ncr_json_key_str(struct ncr_json *json, const char *key, struct ncr_str v);
void ncr_json_key_i64(struct ncr_json *json, const char *key, int64_t v);
void ncr_json_key_f64(struct ncr_json *json, const char *key, double v);
void ncr_json_key_bool(struct ncr_json *json, const char *key, bool v);

#endif
