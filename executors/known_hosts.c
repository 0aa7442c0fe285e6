/* known_hosts files: which lines speak of a host, and what they say of a key. */
#include "executors/known_hosts.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "executors/ssh_bytes.h"
#include "executors/ssh_key.h"
#include "planner/base/vec.h"

enum { LINE_MAX_BYTES = 16 * 1024, FILE_MAX_BYTES = 8 * 1024 * 1024, SHA1_BYTES = 20 };

struct word {
	const char *p;
	size_t n;
};

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* The next word of the line; false at its end. */
static bool
next_word(const char **p, const char *end, struct word *w)
{
	while (*p < end && is_blank(**p))
		++*p;
	w->p = *p;
	while (*p < end && !is_blank(**p))
		++*p;
	w->n = (size_t)(*p - w->p);
	return w->n > 0;
}

static bool
word_is(struct word w, const char *text)
{
	return strlen(text) == w.n && memcmp(w.p, text, w.n) == 0;
}

void
known_hosts_init(struct known_hosts *k, const char *host, int port)
{
	char *lower;

	*k = (struct known_hosts){.port = port};
	lower = arena_strdup(&k->arena, host);
	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	k->host = lower;
}

const char *
known_hosts_name(struct known_hosts *k)
{
	if (k->port == 22)
		return k->host;
	return arena_printf(&k->arena, "[%s]:%d", k->host, k->port);
}

/* |1|base64 salt|base64 HMAC-SHA1(salt, host) */
static bool
hash_matches(struct word w, const char *host)
{
	struct str salt = {0}, want = {0};
	const char *bar = memchr(w.p + 3, '|', w.n - 3);
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	bool ok = bar && bytes_base64(w.p + 3, (size_t)(bar - w.p - 3), &salt) &&
		  bytes_base64(bar + 1, (size_t)(w.p + w.n - bar - 1), &want) &&
		  salt.len == SHA1_BYTES && want.len == SHA1_BYTES &&
		  HMAC(EVP_sha1(), salt.buf, SHA1_BYTES, (const unsigned char *)host,
		       strlen(host), mac, &len) &&
		  memcmp(mac, want.buf, SHA1_BYTES) == 0;

	str_release(&salt);
	str_release(&want);
	return ok;
}

/* A comma list of patterns; one that matches and starts with '!' rules the line out. */
static bool
hosts_match(struct word w, const char *host)
{
	bool found = false;

	if (w.n > 3 && memcmp(w.p, "|1|", 3) == 0)
		return hash_matches(w, host);
	for (const char *p = w.p, *end = w.p + w.n; p < end;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;
		bool not = *p == '!';

		p += not;
		if (bytes_glob(p, (size_t)(stop - p), host)) {
			if (not)
				return false;
			found = true;
		}
		p = stop + 1;
	}
	return found;
}

static void
add_key(struct known_hosts *k, enum known_mark mark, bool portless, struct word type,
	struct word key, const char *file, unsigned line)
{
	struct str blob = {0};
	char inside[64];

	if (bytes_base64(key.p, key.n, &blob) && blob.len) {
		ssh_key_type(blob.buf, blob.len, inside, sizeof inside);
		if (word_is(type, inside)) {
			unsigned char *copy = arena_alloc(&k->arena, blob.len);

			memcpy(copy, blob.buf, blob.len);
			*vec_push(&k->arena, &k->keys) = (struct known_key){
				.mark = mark,
				.type = arena_strndup(&k->arena, type.p, type.n),
				.blob = copy,
				.n = blob.len,
				.file = file,
				.line = line,
				.portless = portless,
			};
		}
	}
	str_release(&blob);
}

static void
read_line(struct known_hosts *k, const char *name, const char *file, unsigned line,
	  const char *p, const char *end)
{
	struct word hosts, type, key;
	enum known_mark mark = KNOWN_PLAIN;
	bool portless = false;

	if (!next_word(&p, end, &hosts) || hosts.p[0] == '#')
		return;
	if (hosts.p[0] == '@') {
		if (word_is(hosts, "@revoked"))
			mark = KNOWN_REVOKE;
		else if (word_is(hosts, "@cert-authority"))
			mark = KNOWN_AUTHORITY;
		else
			return;
		if (!next_word(&p, end, &hosts))
			return;
	}
	if (!next_word(&p, end, &type) || !next_word(&p, end, &key))
		return;
	if (!hosts_match(hosts, name)) {
		/* OpenSSH also believes the line of a host without a port. */
		portless = k->port != 22 && hosts_match(hosts, k->host);
		if (!portless)
			return;
	}
	if (mark == KNOWN_AUTHORITY && !k->authority)
		k->authority = arena_printf(&k->arena, "%s:%u", file, line);
	add_key(k, mark, portless, type, key, file, line);
}

void
known_hosts_read(struct known_hosts *k, const char *file, const char *text, size_t n)
{
	const char *name = known_hosts_name(k), *end = text + n;
	unsigned line = 0;

	file = arena_strdup(&k->arena, file);
	for (const char *p = text; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;

		line++;
		if (stop - p <= LINE_MAX_BYTES)
			read_line(k, name, file, line, p, stop);
		p = stop + 1;
	}
}

void
known_hosts_load(struct known_hosts *k, const char *path)
{
	struct str text = {0};
	struct err e;

	if (bytes_file(path, FILE_MAX_BYTES, &text, &e))
		known_hosts_read(k, path, str_text(&text), text.len);
	str_release(&text);
}

void
known_hosts_types(const struct known_hosts *k, struct str *out)
{
	static const char *const order[] = {
		"ssh-ed25519",         "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
		"ecdsa-sha2-nistp521", "ssh-rsa",
	};

	/* Two rounds: a line with the very port says more than one without. */
	for (int portless = 0; portless < 2; portless++) {
		for (size_t i = 0; i < countof(order); i++) {
			bool have[2] = {false, false};

			for (size_t j = 0; j < k->keys.n; j++) {
				if (k->keys.v[j].mark == KNOWN_PLAIN &&
				    strcmp(k->keys.v[j].type, order[i]) == 0)
					have[k->keys.v[j].portless] = true;
			}
			if (have[portless] && (!portless || !have[0]))
				str_printf(out, "%s%s", out->len ? "," : "", order[i]);
		}
	}
}

enum known_answer
known_hosts_ask(const struct known_hosts *k, const void *blob, size_t n,
		const struct known_key **which)
{
	const struct known_key *same = NULL, *other = NULL, *found = NULL;
	char type[64];

	ssh_key_type(blob, n, type, sizeof type);
	for (size_t i = 0; i < k->keys.n; i++) {
		const struct known_key *key = &k->keys.v[i];
		bool equal = key->n == n && memcmp(key->blob, blob, n) == 0;

		if (key->mark == KNOWN_REVOKE && equal) {
			*which = key;
			return KNOWN_REVOKED;
		}
		if (key->mark != KNOWN_PLAIN)
			continue;
		if (equal)
			found = found ? found : key;
		else if (!key->portless && strcmp(key->type, type) == 0)
			same = same ? same : key;
		else if (!key->portless)
			other = other ? other : key;
	}
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
