/* Completes what ssh_config says: defaults, tokens, and words that dray cannot follow. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "executors/ssh/ssh_bytes.h"
#include "executors/ssh/ssh_config.h"
#include "executors/ssh/ssh_lists.h"
#include "planner/base/limits.h"
#include "planner/base/str.h"
#include "planner/base/vec.h"

enum { VALUE_MAX_BYTES = 4096 };

bool
ssh_config_way_out(struct err *e)
{
	e->beyond = true;
	return err_hint(e, "write the node as {host: ..., executor: auto}: dray then takes your own ssh where "
			   "its own client cannot do it (executor: openssh takes it always)");
}

const char *
ssh_config_place(struct ssh_config *c, enum ssh_word_id word)
{
	const struct ssh_said *s = &c->said[word];

	return s->value ? arena_printf(c->arena, "%s:%u", s->file, s->line) : "";
}

const char *
ssh_config_first(struct ssh_config *c, enum ssh_does does)
{
	for (int i = 0; i < SSH_WORDS; i++) {
		const struct ssh_word *w = &ssh_words[i];
		const char *value = c->said[i].value;

		if (w->does == does && value && !ssh_word_among(w->idle, value))
			return arena_printf(c->arena, "'%s %.100s' (%s): %s", w->name, value,
					    ssh_config_place(c, (enum ssh_word_id)i), w->says);
	}
	return NULL;
}

const char *
ssh_config_home(struct arena *a, const char *path, const char *home)
{
	if (path[0] == '~' && (path[1] == '/' || !path[1]))
		return arena_printf(a, "%s%s", home, path + 1);
	return path;
}

static const char *
finish_local_host(struct ssh_config *c, bool whole)
{
	char name[256] = "";

	gethostname(name, sizeof name - 1);
	if (!whole)
		name[strcspn(name, ".")] = '\0';
	return arena_strdup(c->arena, name);
}

/* %C: a hash that identifies the connection. */
static const char *
finish_connection_hash(struct ssh_config *c)
{
	const char *text = arena_printf(c->arena, "%s%s%d%s", finish_local_host(c, true),
					c->host_name, c->port, c->user);
	unsigned char sum[EVP_MAX_MD_SIZE];
	struct str hex = {0};
	const char *out;
	unsigned n = 0;

	EVP_Digest(text, strlen(text), sum, &n, EVP_sha1(), NULL);
	for (unsigned i = 0; i < n; i++)
		str_printf(&hex, "%02x", sum[i]);
	out = arena_strdup(c->arena, str_text(&hex));
	str_release(&hex);
	return out;
}

static const char *
finish_token(struct ssh_config *c, char t)
{
	switch (t) {
	case '%': return "%";
	case 'h': return c->host_name;
	case 'n': return c->host;
	case 'r': return c->user;
	case 'p': return arena_printf(c->arena, "%d", c->port);
	case 'u': return c->local_user;
	case 'd': return c->home;
	case 'i': return arena_printf(c->arena, "%u", (unsigned)getuid());
	case 'k': return c->host_key_alias ? c->host_key_alias : c->host;
	case 'l': return finish_local_host(c, true);
	case 'L': return finish_local_host(c, false);
	case 'C': return finish_connection_hash(c);
	default: return NULL;
	}
}

/* Which tokens a value may contain, and whether ${VARIABLES} are expanded. */
struct allowed {
	const char *tokens;
	bool env;
};

static const struct allowed in_files = {"%CdhikLlnpru", true}, in_jumps = {"%hnpr", false},
			    in_names = {"%h", false};

static const char *
finish_expand(struct ssh_config *c, const char *value, const struct allowed *may, struct err *e)
{
	struct str s = {.max = VALUE_MAX_BYTES};
	const char *out = NULL, *t = "";

	for (const char *p = value; *p && t; p++) {
		const char *end = strchr(p, '}');

		if (*p == '%') {
			p++;
			t = *p && strchr(may->tokens, *p) ? finish_token(c, *p) : NULL;
			if (!*p)
				break;
		} else if (may->env && *p == '$' && p[1] == '{') {
			t = !end || !c->env ? NULL
					    : c->env(arena_strndup(c->arena, p + 2,
								   (size_t)(end - p - 2)));
			p = t ? end : p;
		} else {
			str_putc(&s, *p);
			continue;
		}
		if (t)
			str_puts(&s, t);
	}
	if (t && !s.cut)
		out = arena_strdup(c->arena, str_text(&s));
	else
		err_set(e, "'%s' in the ssh configuration has a token or a variable that is not "
			   "known", value);
	str_release(&s);
	return out;
}

/* The same for the name of a file, which may start with ~. */
static const char *
finish_expand_file(struct ssh_config *c, const char *value, struct err *e)
{
	if (*value == '~' && value[1] && value[1] != '/') {
		err_set(e, "'%s' in the ssh configuration is in the home of another user", value);
		err_hint(e, "write the full path");
		return NULL;
	}
	return finish_expand(c, ssh_config_home(c->arena, value, c->home), &in_files, e);
}

static bool finish_is_none(const char *s) { return s && strcasecmp(s, "none") == 0; }

static bool
finish_expand_files(struct ssh_config *c, struct ssh_names *names, struct err *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < names->n; i++) {
		const char *v = finish_expand_file(c, names->v[i], e);

		if (!v)
			return false;
		if (!finish_is_none(v))
			names->v[kept++] = v;
	}
	names->n = kept;
	return true;
}

const char *
ssh_config_host(struct ssh_config *c, struct err *e)
{
	struct ssh_config plain = *c;

	if (!c->host_name || c->final)
		return c->host_name ? c->host_name : c->host;
	plain.host_name = c->host;
	return finish_expand(&plain, c->host_name, &in_names, e);
}

bool
ssh_config_again(struct ssh_config *c, struct err *e)
{
	const char *name = ssh_config_host(c, e);

	if (!name)
		return false;
	c->host_name = bytes_lower(c->arena, name);
	c->final = true;
	return true;
}

static bool
finish_expand_all(struct ssh_config *c, struct err *e)
{
	if (c->proxy_jump && !(c->proxy_jump = finish_expand(c, c->proxy_jump, &in_jumps, e)))
		return false;
	if (c->identity_agent && (*c->identity_agent != '$' || c->identity_agent[1] == '{') &&
	    !finish_is_none(c->identity_agent) &&
	    !(c->identity_agent = finish_expand_file(c, c->identity_agent, e)))
		return false;
	/* ssh expands no tokens here. */
	for (size_t i = 0; i < c->global_known_hosts.n; i++)
		c->global_known_hosts.v[i] =
			ssh_config_home(c->arena, c->global_known_hosts.v[i], c->home);
	if (c->global_known_hosts.n && finish_is_none(c->global_known_hosts.v[0]))
		c->global_known_hosts.n = 0;
	return finish_expand_files(c, &c->identity, e) &&
	       finish_expand_files(c, &c->known_hosts, e);
}

/* Refuse words that make ssh stricter in a way that dray cannot follow. */
static bool
finish_refuse(struct ssh_config *c, struct err *e)
{
	const char *first = ssh_config_first(c, DOES_REFUSES),
		   *methods = c->said[WORD_PreferredAuthentications].value;

	if (first) {
		err_set(e, "the ssh configuration says %s", first);
		return ssh_config_way_out(e);
	}
	if (methods && !ssh_list_has(methods, "publickey")) {
		err_set(e, "the ssh configuration says 'PreferredAuthentications %s' (%s), and dray "
			   "logs in with public keys only", methods,
			ssh_config_place(c, WORD_PreferredAuthentications));
		return ssh_config_way_out(e);
	}
	return true;
}

bool
ssh_config_finish(struct ssh_config *c, struct err *e)
{
	if (!c->final && !ssh_config_again(c, e))
		return false;
	if (!c->user)
		c->user = c->local_user;
	if (!c->port)
		c->port = SSH_PORT;
	if (finish_is_none(c->proxy_jump))
		c->proxy_jump = NULL;
	if (finish_is_none(c->proxy_command))
		c->proxy_command = NULL;
	return finish_expand_all(c, e) && finish_refuse(c, e);
}

static bool
finish_read_jump(struct arena *a, const char *p, size_t n, struct ssh_jump *j)
{
	char *s = arena_strndup(a, p, n), *at, *colon, *end;

	*j = (struct ssh_jump){0};
	if (strncasecmp(s, "ssh://", 6) == 0)
		s += 6;
	at = strrchr(s, '@');
	if (at) {
		*at = '\0';
		j->user = s;
		s = at + 1;
	}
	j->host = s;
	if (*s == '[' && (end = strchr(s, ']'))) {
		j->host = s + 1;
		*end = '\0';
		colon = end[1] == ':' ? end + 1 : NULL;
	} else {
		colon = strchr(s, ':');
		/* More than one colon is an IPv6 address without a port. */
		if (colon && strchr(colon + 1, ':'))
			colon = NULL;
	}
	if (colon) {
		*colon = '\0';
		j->port = (int)strtol(colon + 1, &end, 10);
		if (*end || j->port < 1 || j->port > 65535)
			return false;
	}
	return *j->host && (!j->user || *j->user);
}

bool
ssh_config_jumps(struct arena *a, const char *list, struct ssh_jump *jump, size_t max,
		 size_t *n, struct err *e)
{
	*n = 0;
	for (const char *p = list;; p++) {
		size_t len = strcspn(p, ",");

		if (*n == max)
			return err_set(e, "ProxyJump '%s': more than %zu jump hosts", list, max);
		if (!finish_read_jump(a, p, len, &jump[(*n)++]))
			return err_set(e, "ProxyJump '%s': '%.*s' is not [user@]host[:port]", list,
				       (int)len, p);
		p += len;
		if (!*p)
			return true;
	}
}
