/*
 * The ID of an image is the hash of its configuration. That says what the fingerprint of the image is on a
 * node: the sum of what `docker image inspect` prints of its layers and settings (image-id.sh).
 */
#include "planner/cluster/image_proof.h"

#include <string.h>

#include "planner/base/arena.h"
#include "planner/base/hash.h"
#include "planner/base/json.h"
#include "planner/base/str.h"

/* A string as Go's encoder writes it for a template of Docker or podman, which escapes no HTML. */
static void
proof_put_text(struct str *to, const char *s, size_t n)
{
	str_puts(to, "\"");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			str_printf(to, "\\%c", c);
		else if (c == '\n' || c == '\r' || c == '\t')
			str_printf(to, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
		else if (c < 0x20)
			str_printf(to, "\\u%04x", c);
		else if (n - i >= 3 && (memcmp(s + i, "\xe2\x80\xa8", 3) == 0 || memcmp(s + i, "\xe2\x80\xa9", 3) == 0))
			str_printf(to, "\\u202%c", s[i += 2] == '\xa8' ? '8' : '9');
		else
			str_add(to, &s[i], 1);
	}
	str_puts(to, "\"");
}

/* A list of strings; null if there is none. False: it is something else. */
static bool
proof_put_list(struct str *to, const json_t *list)
{
	if (!list || json_is_null(list)) {
		str_puts(to, "null");
		return true;
	}
	if (!json_is_array(list))
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);

		if (!json_is_string(one))
			return false;
		str_puts(to, i ? "," : "[");
		proof_put_text(to, json_string_value(one), json_string_length(one));
	}
	str_puts(to, json_array_size(list) ? "]" : "[]");
	return true;
}

const struct image_proof *
image_proof_of(struct arena *a, const char *digest)
{
	struct image_proof *p = ar_new(a, struct image_proof);

	p->config = digest + strlen("sha256:");
	p->arch = "";
	return p;
}

const struct image_proof *
image_proof_read(struct arena *a, const char *config, size_t n)
{
	json_t *all = json_read_object(config, n);
	const json_t *layers = json_object_get(json_object_get(all, "rootfs"), "diff_ids");
	const json_t *how = json_object_get(all, "config");
	const char *arch = json_get_text(a, all, "architecture");
	struct image_proof *p = NULL;
	struct str told = {0};
	char hex[HASH_HEX];

	if (json_array_size(layers) && proof_put_list(&told, layers) &&
	    proof_put_list(&told, json_object_get(how, "Env")) &&
	    proof_put_list(&told, json_object_get(how, "Entrypoint")) &&
	    proof_put_list(&told, json_object_get(how, "Cmd"))) {
		p = ar_new(a, struct image_proof);
		hash_sha256(config, n, hex);
		p->config = arena_strdup(a, hex);
		hash_sha256(told.buf, told.len, hex);
		p->id = arena_printf(a, "sha256:%s", hex);
		p->arch = arch ? arch : "";
	}
	str_release(&told);
	json_decref(all);
	return p;
}
