/* RevokedHostKeys: a file of keys that must not be accepted. */
#include <string.h>

#include "executors/ssh/ssh.h"
#include "executors/ssh/ssh_bytes.h"
#include "executors/ssh/ssh_key.h"

enum { FILE_MAX_BYTES = 8 * 1024 * 1024 };

static const char krl[] = "SSHKRL\n";

/* Read the key of "type base64 comment"; false for anything else. */
static bool
revoked_read_key(const char *p, const char *end, struct str *blob)
{
	const char *type = p;
	char inside[64];
	size_t n;

	while (p < end && *p != ' ' && *p != '\t')
		p++;
	n = (size_t)(p - type);
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	const char *key = p;

	while (p < end && *p != ' ' && *p != '\t')
		p++;
	if (p == key || !bytes_base64(key, (size_t)(p - key), blob))
		return false;
	ssh_key_type(blob->buf, blob->len, inside, sizeof inside);
	return strlen(inside) == n && memcmp(inside, type, n) == 0;
}

/* As in ssh, one line that is not a key makes the whole file unreadable. */
bool
ssh_revoked_read(const char *place, const char *file, const char *text, size_t len,
		 const void *blob, size_t n, struct err *e)
{
	const char *end = text + len;
	unsigned line = 0;

	if (len >= sizeof krl - 1 && memcmp(text, krl, sizeof krl - 1) == 0) {
		err_set(e, "RevokedHostKeys (%s): %s is a binary revocation list, and dray reads "
			   "lists of keys only", place, file);
		return ssh_config_way_out(e);
	}
	for (const char *p = text; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop = nl ? nl : end;
		struct str key = {0};
		bool ok = true, hit = false;

		line++;
		while (p < stop && (*p == ' ' || *p == '\t'))
			p++;
		if (p < stop && *p != '#') {
			ok = revoked_read_key(p, stop, &key);
			hit = ok && key.len == n && memcmp(key.buf, blob, n) == 0;
		}
		str_release(&key);
		if (!ok)
			return err_set(e, "RevokedHostKeys (%s): %s:%u is not a key", place, file,
				       line);
		if (hit)
			return err_set(e, "the key is revoked by %s:%u (RevokedHostKeys, %s)", file,
				       line, place);
		p = stop + 1;
	}
	return true;
}

bool
ssh_revoked_check(struct ssh_config *c, const void *blob, size_t n, struct err *e)
{
	const char *file = c->said[WORD_RevokedHostKeys].value, *place;
	struct str text = {0};
	bool ok;

	if (!file || ssh_word_among(ssh_words[WORD_RevokedHostKeys].idle, file))
		return true;
	place = ssh_config_place(c, WORD_RevokedHostKeys);
	ok = bytes_file(file, FILE_MAX_BYTES, &text, NULL, e);
	if (ok)
		ok = ssh_revoked_read(place, file, str_text(&text), text.len, blob, n, e);
	else
		err_wrap(e, "RevokedHostKeys (%s)", place);
	if (!ok && *file == '~' && !e->hint[0])
		err_hint(e, "write the full path: OpenSSH 9.2 does not expand ~ here");
	str_release(&text);
	return ok;
}
