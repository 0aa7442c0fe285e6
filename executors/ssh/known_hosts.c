/* Reads known_hosts files: which lines are about a host, and what they say about a key. */
#include "executors/ssh/known_hosts.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "executors/ssh/ssh_bytes.h"
#include "executors/ssh/ssh_key.h"
#include "planner/base/vec.h"

enum { LINE_MAX_BYTES = 1024 * 1024, FILE_MAX_BYTES = 8 * 1024 * 1024, SHA1_BYTES = 20 };
enum { PATTERN_BYTES = 1023 };  /* in ssh a longer list matches nothing */

struct word {
	const char *p;
	size_t n;
};

static bool known_hosts_is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* The next word of the line; false at its end. */
static bool
known_hosts_next_word(const char **p, const char *end, struct word *w)
{
	while (*p < end && known_hosts_is_blank(**p))
		++*p;
	w->p = *p;
	while (*p < end && !known_hosts_is_blank(**p))
		++*p;
	w->n = (size_t)(*p - w->p);
	return w->n > 0;
}

static bool
known_hosts_word_is(struct word w, const char *text)
{
	return strlen(text) == w.n && memcmp(w.p, text, w.n) == 0;
}

void
known_hosts_init(struct known_hosts *k, const char *host, int port)
{
	*k = (struct known_hosts){.port = port};
	k->host = bytes_lower(&k->arena, host);
}

const char *
known_hosts_name(struct known_hosts *k)
{
	if (k->port == 22)
		return k->host;
	return arena_printf(&k->arena, "[%s]:%d", k->host, k->port);
}

/* |1|base64 salt|base64 HMAC-SHA1(salt, host). 1: it is the host, 0: another, -1: unreadable. */
static int
known_hosts_hash_matches(struct word w, const char *host)
{
	struct str salt = {0}, want = {0};
	const char *bar = w.n > 3 && memcmp(w.p, "|1|", 3) == 0 ? memchr(w.p + 3, '|', w.n - 3)
								 : NULL;
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int is = -1;

	if (bar && bytes_base64(w.p + 3, (size_t)(bar - w.p - 3), &salt) &&
	    bytes_base64(bar + 1, (size_t)(w.p + w.n - bar - 1), &want) &&
	    salt.len == SHA1_BYTES && want.len == SHA1_BYTES &&
	    HMAC(EVP_sha1(), salt.buf, SHA1_BYTES, (const unsigned char *)host, strlen(host), mac,
		 &len))
		is = memcmp(mac, want.buf, SHA1_BYTES) == 0;
	str_release(&salt);
	str_release(&want);
	return is;
}

/* A comma list of patterns; a match that starts with '!' excludes the line. 1: the line is
 * about the host, 0: it is not, -1: it cannot be read. */
static int
known_hosts_hosts_match(struct word w, const char *host, enum known_mark mark)
{
	bool found = false;

	if (*w.p == '|')
		return known_hosts_hash_matches(w, host);
	for (const char *p = w.p, *end = w.p + w.n; p < end;) {
		const char *comma = memchr(p, ',', (size_t)(end - p)), *stop = comma ? comma : end;
		bool not = *p == '!';

		p += not;
		if (stop - p >= PATTERN_BYTES && mark != KNOWN_REVOKE)
			return 0;
		if (bytes_glob(p, (size_t)(stop - p), host, false)) {
			if (not)
				return false;
			found = true;
		}
		p = stop + 1;
	}
	return found;
}

/* False: the key of the line cannot be read. */
static bool
known_hosts_add_key(struct known_hosts *k, enum known_mark mark, bool portless, struct word type,
		    struct word key, const char *file, unsigned line)
{
	struct str blob = {0};
	char inside[64];
	bool ok = false;

	if (bytes_base64(key.p, key.n, &blob) && blob.len) {
		ssh_key_type(blob.buf, blob.len, inside, sizeof inside);
		ok = known_hosts_word_is(type, inside);
	}
	if (ok) {
		unsigned char *copy = arena_alloc(&k->arena, blob.len);

		memcpy(copy, blob.buf, blob.len);
		*vec_push(&k->arena, &k->keys) = (struct known_key){
			.mark = mark, .type = arena_strndup(&k->arena, type.p, type.n),
			.blob = copy, .n = blob.len, .file = file, .line = line,
			.portless = portless,
		};
	}
	str_release(&blob);
	return ok;
}

static void
known_hosts_unread(struct known_hosts *k, const char *file, unsigned line, const char *why)
{
	if (!k->unread && line)
		k->unread = arena_printf(&k->arena, "%s:%u: %s", file, line, why);
	else if (!k->unread)
		k->unread = arena_printf(&k->arena, "%s: %s", file, why);
}

static void
known_hosts_read_line(struct known_hosts *k, const char *file, unsigned line, const char *p,
		      const char *end)
{
	struct word hosts, type, key;
	enum known_mark mark = KNOWN_PLAIN;
	int is, bare = 0;

	if (!known_hosts_next_word(&p, end, &hosts) || hosts.p[0] == '#')
		return;
	if (hosts.p[0] == '@') {
		if (known_hosts_word_is(hosts, "@revoked"))
			mark = KNOWN_REVOKE;
		else if (known_hosts_word_is(hosts, "@cert-authority"))
			mark = KNOWN_AUTHORITY;
		else
			return;
		if (!known_hosts_next_word(&p, end, &hosts))
			goto unread;
	}
	is = known_hosts_hosts_match(hosts, known_hosts_name(k), mark);
	/* OpenSSH also looks up the host without its port. */
	if (is <= 0 && k->port != 22)
		bare = known_hosts_hosts_match(hosts, k->host, mark);
	if (is == 0 && bare == 0)
		return;
	if ((is > 0 || bare > 0) && known_hosts_next_word(&p, end, &type) &&
	    known_hosts_next_word(&p, end, &key)) {
		if (mark == KNOWN_AUTHORITY && !k->authority)
			k->authority = arena_printf(&k->arena, "%s:%u", file, line);
		if (known_hosts_add_key(k, mark, is <= 0, type, key, file, line))
			return;
	}
unread:
	if (mark == KNOWN_REVOKE)
		known_hosts_unread(k, file, line, "this @revoked line cannot be read");
}

void
known_hosts_read(struct known_hosts *k, const char *file, const char *text, size_t n)
{
	const char *end = text + n;
	unsigned line = 0;

	file = arena_strdup(&k->arena, file);
	for (const char *p = text; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop = nl ? nl : end;

		line++;
		if (stop - p <= LINE_MAX_BYTES)
			known_hosts_read_line(k, file, line, p, stop);
		else
			known_hosts_unread(k, file, line, "a line of more than 1 MiB");
		p = stop + 1;
	}
}

void
known_hosts_load(struct known_hosts *k, const char *path)
{
	struct str text = {0};
	struct err e;

	if (bytes_file(path, FILE_MAX_BYTES, &text, NULL, &e))
		known_hosts_read(k, path, str_text(&text), text.len);
	else if (errno == EFBIG)
		known_hosts_unread(k, path, 0, "more than 8 MiB");
	else if (errno != ENOENT && errno != ENOTDIR)
		known_hosts_unread(k, path, 0, strerror(errno));
	str_release(&text);
}

bool
known_hosts_has(const struct known_hosts *k, const char *type)
{
	for (size_t i = 0; i < k->keys.n; i++) {
		const struct known_key *key = &k->keys.v[i];

		if (key->mark == KNOWN_PLAIN && !key->portless && strcmp(key->type, type) == 0)
			return true;
	}
	return false;
}

/* Is an authority of the host revoked? ssh refuses the certificates that it signed. dray does
 * not ask for certificates, so it cannot see whether the host has one. */
static void
known_hosts_revoked_authority(struct known_hosts *k)
{
	for (size_t i = 0; i < k->keys.n; i++) {
		const struct known_key *a = &k->keys.v[i];

		for (size_t j = 0; j < k->keys.n && a->mark == KNOWN_AUTHORITY; j++) {
			const struct known_key *r = &k->keys.v[j];

			if (r->mark == KNOWN_REVOKE && r->n == a->n &&
			    memcmp(r->blob, a->blob, a->n) == 0)
				known_hosts_unread(k, r->file, r->line,
						   "the authority of this host is revoked");
		}
	}
}

enum known_answer
known_hosts_ask(struct known_hosts *k, const void *blob, size_t n,
		const struct known_key **which)
{
	const struct known_key *same = NULL, *other = NULL, *found = NULL, *bare = NULL;
	char type[64];

	ssh_key_type(blob, n, type, sizeof type);
	*which = NULL;
	for (size_t i = 0; i < k->keys.n; i++) {
		const struct known_key *key = &k->keys.v[i];
		const struct known_key **is = NULL;
		bool equal = key->n == n && memcmp(key->blob, blob, n) == 0;

		if (key->mark == KNOWN_REVOKE && equal) {
			*which = key;
			return KNOWN_REVOKED;
		}
		if (key->mark != KNOWN_PLAIN)
			continue;
		if (key->portless)
			is = equal ? &bare : NULL;
		else
			is = equal ? &found : strcmp(key->type, type) == 0 ? &same : &other;
		if (is && !*is)
			*is = key;
	}
	if (k->authority)
		known_hosts_revoked_authority(k);
	if (k->unread)
		return KNOWN_UNREAD;
	if (!found && !same && !other)
		found = bare;
	*which = found ? found : same ? same : other;
	return found ? KNOWN_OK : same ? KNOWN_CHANGED : KNOWN_NEW;
}

void
known_hosts_fingerprint(const void *blob, size_t n, char out[FINGERPRINT_MAX])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	EVP_Digest(blob, n, sum, &len, EVP_sha256(), NULL);
	memcpy(out, "SHA256:", 7);
	EVP_EncodeBlock((unsigned char *)out + 7, sum, (int)len);
	out[7 + 43] = '\0';     /* without the '=' */
}

void
known_hosts_release(struct known_hosts *k)
{
	arena_release(&k->arena);
	*k = (struct known_hosts){0};
}
