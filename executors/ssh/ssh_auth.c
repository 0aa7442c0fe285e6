/* Logging in: which keys are offered, in which order, and what happened to each. */
#include "executors/ssh/ssh_login.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/ssh/ssh_bytes.h"
#include "executors/ssh/ssh_lists.h"
#include "planner/base/arena.h"
#include "planner/base/vec.h"

enum {
	KEY_MAX_BYTES = 256 * 1024,
	AGENT_MS = 50,          /* before the next try to connect to the agent */
};

static struct login *
auth_login_new(struct hop *h)
{
	static const char *const usual[] = {"id_ed25519", "id_ecdsa", "id_rsa"};
	struct login *l = h->login = xcalloc(1, sizeof *l);
	const struct ssh_config *c = h->conf;
	struct arena *a = &h->link->arena;
	/* `IdentityFile none` also leaves out the usual files. */
	size_t n = c->identity.n || c->said[WORD_IdentityFile].value ? 0 : countof(usual);

	l->self = h;
	l->story.max = 700;
	for (size_t i = 0; i < c->identity.n; i++)
		*vec_push(a, &l->places) = c->identity.v[i];
	/* The agent comes before the usual files, unless IdentitiesOnly is set. */
	if (c->identities_only <= 0)
		*vec_push(a, &l->places) = NULL;
	for (size_t i = 0; i < n; i++)
		*vec_push(a, &l->places) = arena_printf(a, "%s/.ssh/%s", c->home, usual[i]);
	if (c->identities_only > 0)
		*vec_push(a, &l->places) = NULL;
	return l;
}

static bool
auth_same(const struct str *a, const struct str *b)
{
	return a->len == b->len && a->len && memcmp(a->buf, b->buf, a->len) == 0;
}

/* Offer this key next, unless it was offered before. Takes the blob's bytes. */
static bool
auth_offer(struct hop *h, const struct str *blob, const char *what)
{
	struct login *l = h->login;

	for (size_t i = 0; i < l->tried.n; i++)
		if (auth_same(&l->tried.v[i], blob))
			return false;
	str_add(vec_push(&h->link->arena, &l->tried), blob->buf, blob->len);
	str_reset(&l->offer);
	ssh_key_offer(blob->buf, blob->len, &l->offer);
	l->what = what;
	l->offering = true;
	l->cannot_sign = false;
	l->sign = SIGN_NOT;
	return true;
}

/* Look for the key of this file in the agent later; blob may be empty. */
static void
auth_want(struct hop *h, const char *path, const struct str *blob, const char *why)
{
	struct wanted *w = vec_push(&h->link->arena, &h->login->wanted);

	w->path = path;
	w->why = why;
	str_add(&w->blob, str_text(blob), blob->len);
}

/* Read the .pub file of a private key that does not contain its public half, or is missing. */
static bool
auth_read_beside(struct hop *h, const char *path, struct str *blob)
{
	const char *pub = arena_printf(&h->link->arena, "%s.pub", path);
	struct str text = {0};
	struct ssh_key k = {0};
	struct err e;
	bool ok = bytes_file(pub, KEY_MAX_BYTES, &text, NULL, &e) &&
		  ssh_key_read(&k, str_text(&text), text.len, &e);

	if (ok)
		str_add(blob, k.blob.buf, k.blob.len);
	ssh_key_release(&k);
	str_release(&text);
	return ok;
}

/* Why the configuration forbids to offer this key; NULL: it may be offered. */
static const char *
auth_kept_back(struct hop *h, const struct str *blob)
{
	struct ssh_config *c = h->conf;
	struct str list = {0};
	char type[64];
	unsigned bits = ssh_key_rsa_bits(blob->buf, blob->len), least = ssh_least_bits(c);
	bool listed;

	ssh_key_type(blob->buf, blob->len, type, sizeof type);
	ssh_list_pick(WORD_PubkeyAcceptedAlgorithms, c->said[WORD_PubkeyAcceptedAlgorithms].value,
		      &list);
	listed = ssh_list_has(str_text(&list), bits ? "rsa-sha2-512" : type);
	str_release(&list);
	if (bits && bits < least)
		return arena_printf(&h->link->arena, "an RSA key of %u bits, fewer than %u%s%s",
				    bits, least, c->said[WORD_RequiredRSASize].value ? " of " : "",
				    ssh_config_place(c, WORD_RequiredRSASize));
	if (!listed)
		return arena_printf(&h->link->arena, "%s is not in PubkeyAcceptedAlgorithms (%s)",
				    bits ? "rsa-sha2-512" : type,
				    ssh_config_place(c, WORD_PubkeyAcceptedAlgorithms));
	return NULL;
}

/* Is it a private key in a file of the user that others can read? ssh refuses those. */
static bool
auth_is_open(const struct ssh_key *k, const struct stat *st)
{
	return (k->pkey || k->encrypted) && st->st_uid == getuid() && (st->st_mode & 077);
}

/* Try a key file: offer its key, look for it in the agent later, or report why not. */
static void
auth_try_file(struct hop *h, const char *path)
{
	struct login *l = h->login;
	struct str text = {0}, blob = {0};
	struct err e = {0};
	struct stat st;
	const char *why;

	ssh_key_release(&l->key);
	l->with_agent = false;
	if (!bytes_file(path, KEY_MAX_BYTES, &text, &st, &e)) {
		why = strerror(errno);
		if (errno == ENOENT && auth_read_beside(h, path, &blob))
			auth_want(h, path, &blob, "the private half is missing");
		else
			login_tell(l, path, why);
	} else if (!ssh_key_read(&l->key, str_text(&text), text.len, &e)) {
		login_tell(l, path, e.text);
	} else if (l->key.blob.len && (why = auth_kept_back(h, &l->key.blob))) {
		login_tell(l, path, why);
	} else if (l->key.pkey && !auth_is_open(&l->key, &st)) {
		auth_offer(h, &l->key.blob, path);
	} else {
		const char **first = l->key.encrypted ? &l->encrypted : NULL;

		why = first ? "encrypted, and not in an ssh-agent" : "only the public half";
		if (auth_is_open(&l->key, &st)) {
			why = arena_printf(&h->link->arena, "others can read it (mode %04o)",
					   (unsigned)st.st_mode & 07777);
			first = &l->open;
		}
		if (first && !*first)
			*first = path;
		/* The agent may have it. */
		str_add(&blob, str_text(&l->key.blob), l->key.blob.len);
		if (!blob.len)
			auth_read_beside(h, path, &blob);
		auth_want(h, path, &blob, why);
	}
	if (text.buf)
		explicit_bzero(text.buf, text.cap);
	str_release(&text);
	str_release(&blob);
}

static void
auth_listed(void *arg, const void *answer, size_t n)
{
	struct hop *h = arg;

	h->login->answered = true;
	h->login->broken = !answer;
	str_add(&h->login->list, answer ? answer : "", n);
	ssh_kick(h->link);
}

/* Ask the agent what it has: true once that is known. */
static bool
auth_ask_agent(struct hop *h)
{
	struct login *l = h->login;
	const char *path = login_agent_path(h->conf);
	struct err e = {0};

	if (l->asked)
		return l->answered;
	if (path && *path)
		l->agent = ssh_agent_open(h->link->loop, path, &e);
	/* With hundreds of logins at once, the queue of its socket is full while it signs. */
	if (path && *path && !l->agent && errno == EAGAIN) {
		ssh_kick_in(h->link, AGENT_MS);
		return false;
	}
	l->asked = l->answered = l->broken = true;
	if (!path || !*path)
		return true;
	if (!l->agent) {
		login_tell(l, "ssh-agent", e.text);
		return true;
	}
	l->answered = l->broken = false;
	ssh_agent_list(l->agent, auth_listed, h);
	return false;
}

static bool
auth_is_wanted(struct login *l, const struct str *blob)
{
	for (size_t i = 0; i < l->wanted.n; i++) {
		if (auth_same(&l->wanted.v[i].blob, blob)) {
			l->wanted.v[i].found = true;
			return true;
		}
	}
	return false;
}

/* The next key of the agent: first those whose files we saw, then the others, unless
 * IdentitiesOnly is set. */
static bool
auth_try_agent(struct hop *h)
{
	struct login *l = h->login;
	char comment[128], type[64];

	for (;;) {
		if (l->broken ||
		    !ssh_agent_key(l->list.buf, l->list.len, &l->list_at, &l->blob, comment,
				   sizeof comment)) {
			if (l->second || l->broken || h->conf->identities_only > 0)
				return false;
			l->second = true;
			l->list_at = 0;
			continue;
		}
		ssh_key_type(l->blob.buf, l->blob.len, type, sizeof type);
		/* libssh2 cannot send signatures of security keys, and certificates are not
		 * supported. Neither may use up an attempt. */
		if (strcmp(type, "ssh-ed25519") != 0 && strcmp(type, "ssh-rsa") != 0 &&
		    (strncmp(type, "ecdsa-sha2-nistp", 16) != 0 || strchr(type, '@')))
			continue;
		if (auth_is_wanted(l, &l->blob) == l->second || auth_kept_back(h, &l->blob))
			continue;
		for (char *c = comment; *c; c++)
			if ((unsigned char)*c < ' ' || *c == 0x7f)
				*c = '?';
		l->with_agent = true;
		if (auth_offer(h, &l->blob,
			       arena_printf(&h->link->arena, "ssh-agent's '%s'", comment)))
			return true;
	}
}

/* Find the next key to offer. NEXT_WAIT: the agent is busy. NEXT_FAIL: none is left. */
static enum next
auth_next_key(struct hop *h)
{
	struct login *l = h->login;

	while (l->at < l->places.n) {
		const char *path = l->places.v[l->at];

		if (path) {
			l->at++;
			auth_try_file(h, path);
			if (l->offering)
				return NEXT_ADVANCE;
		} else if (!auth_ask_agent(h)) {
			return NEXT_WAIT;
		} else if (auth_try_agent(h)) {
			return NEXT_ADVANCE;
		} else {
			l->at++;
		}
	}
	return NEXT_FAIL;
}

static void
auth_signed_by_agent(void *arg, const void *answer, size_t n)
{
	struct hop *h = arg;

	h->login->sign = SIGN_DONE;
	str_reset(&h->login->reply);
	str_add(&h->login->reply, answer ? answer : "", n);
	ssh_kick(h->link);
}

/* libssh2 repeats the call with the same data as long as we return EAGAIN. */
static
LIBSSH2_USERAUTH_PUBLICKEY_SIGN_FUNC(auth_sign)
{
	struct hop *h = *abstract;
	struct login *l = h->login;
	struct str out = {0};
	char algorithm[64];
	bool ok;

	(void)session;
	if (l->with_agent && l->sign == SIGN_NOT) {
		l->sign = SIGN_ASKED;
		ssh_agent_sign(l->agent, &l->blob, data, data_len, auth_signed_by_agent, h);
	}
	if (l->with_agent && l->sign == SIGN_ASKED)
		return LIBSSH2_ERROR_EAGAIN;
	ssh_key_type(l->offer.buf, l->offer.len, algorithm, sizeof algorithm);
	ok = l->with_agent ? ssh_agent_signature(l->reply.buf, l->reply.len, algorithm, &out)
			   : ssh_key_sign(&l->key, data, data_len, &out);
	if (!ok) {
		l->cannot_sign = true;
		str_release(&out);
		return -1;
	}
	*sig = (unsigned char *)out.buf;        /* libssh2 frees it */
	*sig_len = out.len;
	return 0;
}

/* What the server would take instead of a key, or besides one that it took; NULL: it takes keys, or
 * does not say. False: it has not answered yet. */
static bool
auth_other_ways(struct hop *h, const char **ways)
{
	*ways = libssh2_userauth_list(h->session, h->conf->user, (unsigned)strlen(h->conf->user));
	if (!*ways && libssh2_session_last_errno(h->session) == LIBSSH2_ERROR_EAGAIN)
		return false;
	if (*ways && ssh_list_has(*ways, "publickey"))
		*ways = NULL;
	return true;
}

enum next
ssh_login(struct hop *h, struct err *e)
{
	struct login *l = h->login ? h->login : auth_login_new(h);

	for (;;) {
		if (!l->offering) {
			enum next n = l->over ? NEXT_FAIL : auth_next_key(h);
			const char *ways;

			l->over = n == NEXT_FAIL;
			if (l->over && !auth_other_ways(h, &ways))
				return NEXT_WAIT;
			if (l->over)
				return ways ? login_asks_person(h, ways, e) : login_no_key_left(h, e);
			if (n == NEXT_WAIT)
				return n;
			if (l->attempts++ == LOGIN_ATTEMPTS)
				return login_too_many(h, e);
		}
		int rc = libssh2_userauth_publickey(h->session, h->conf->user,
						    (const unsigned char *)l->offer.buf,
						    l->offer.len, auth_sign, &l->self);

		if (rc == LIBSSH2_ERROR_EAGAIN)
			return NEXT_WAIT;
		if (rc == 0)
			return NEXT_ADVANCE;
		if (rc != LIBSSH2_ERROR_AUTHENTICATION_FAILED &&
		    rc != LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED) {
			ssh_error(h, e);
			if (l->story.len)
				err_wrap(e, "%s", str_text(&l->story));
			return NEXT_FAIL;
		}
		login_tell(l, l->what,
			  !l->cannot_sign ? "refused by the server"
			  : l->with_agent ? "ssh-agent did not sign"
					  : "cannot sign");
		l->offering = false;
	}
}

void
ssh_login_free(struct hop *h)
{
	struct login *l = h->login;

	if (!l)
		return;
	for (size_t i = 0; i < l->tried.n; i++)
		str_release(&l->tried.v[i]);
	for (size_t i = 0; i < l->wanted.n; i++)
		str_release(&l->wanted.v[i].blob);
	ssh_agent_close(l->agent);
	ssh_key_release(&l->key);
	str_release(&l->story);
	str_release(&l->blob);
	str_release(&l->offer);
	str_release(&l->list);
	str_release(&l->reply);
	free(l);
	h->login = NULL;
}
