/* ~/.ssh/config: the blocks that speak of a host, and what they say. */
#include "executors/ssh_config.h"

#include <ctype.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "executors/ssh_bytes.h"
#include "planner/base/vec.h"

enum {
	FILE_MAX_BYTES = 1024 * 1024,
	LINE_MAX_BYTES = 64 * 1024,
	INCLUDE_DEPTH = 8,
	INCLUDE_FILES = 256,
	IDENTITIES = 32,
};

/* One line under way. */
struct line {
	const char *file, *dir;
	unsigned no;
	char **v;                       /* the words; the first is the keyword */
	size_t n, cap;
};

static void
add_name(struct arena *a, struct ssh_names *names, const char *text)
{
	*vec_push(a, names) = text;
}

static void
note(struct ssh_config *c, const struct line *l, const char *what)
{
	add_name(c->arena, &c->notes,
		 arena_printf(c->arena, "%s:%u: %s", l->file, l->no, what));
}

/* Where the word that begins at c ends, which may be within quotes. */
static const char *
word_end(const char *c, const char *end)
{
	for (char quote = 0; c < end && (quote || !isspace((unsigned char)*c)); c++) {
		if (*c == quote)
			quote = 0;
		else if (!quote && (*c == '"' || *c == '\''))
			quote = *c;
		else if (*c == '\\' && c + 1 < end && strchr("\"'\\ ", c[1]))
			c++;
	}
	return c;
}

/* The next word of a line, without its quotes; *p moves behind it. NULL: none. */
static char *
take_word(struct arena *a, const char **p, const char *end)
{
	const char *c = *p;
	char *w, *o;

	while (c < end && isspace((unsigned char)*c))
		c++;
	if (c == end || *c == '#')
		return NULL;
	*p = end = word_end(c, end);
	w = o = arena_alloc(a, (size_t)(end - c) + 1);
	for (char quote = 0; c < end; c++) {
		if (*c == quote)
			quote = 0;
		else if (!quote && (*c == '"' || *c == '\''))
			quote = *c;
		else if (*c == '\\' && c + 1 < end && strchr("\"'\\ ", c[1]))
			*o++ = *++c;
		else
			*o++ = *c;
	}
	return w;
}

/* "Keyword value ..." or "Keyword=value"; false for blank lines and comments. */
static bool
split(struct arena *a, struct line *l, const char *p, const char *end)
{
	const char *start;
	char *word;

	while (p < end && isspace((unsigned char)*p))
		p++;
	start = p;
	while (p < end && !isspace((unsigned char)*p) && *p != '=')
		p++;
	if (p == start || *start == '#' || memchr(start, 0, (size_t)(end - start)))
		return false;
	l->n = 0;
	*vec_push(a, l) = arena_strndup(a, start, (size_t)(p - start));
	while (p < end && isspace((unsigned char)*p))
		p++;
	if (p < end && *p == '=')
		p++;
	while ((word = take_word(a, &p, end)))
		*vec_push(a, l) = word;
	return l->n > 1;
}

/* A comma list of patterns; 1 yes, 0 no, -1 ruled out by a pattern with '!'. */
static int
list_match(const char *list, const char *s)
{
	int found = 0;

	for (;;) {
		size_t n = strcspn(list, ",");
		bool not = *list == '!';

		if (bytes_glob(list + not, n - not, s)) {
			if (not)
				return -1;
			found = 1;
		}
		if (!list[n])
			return found;
		list += n + 1;
	}
}

static bool
host_line(const struct ssh_config *c, const struct line *l)
{
	bool found = false;

	for (size_t i = 1; i < l->n; i++) {
		int m = list_match(l->v[i], c->host);

		if (m < 0)
			return false;
		found = found || m;
	}
	return found;
}

/* HostName as far as it is known, which is what `Match host` looks at. */
static const char *
host_now(struct ssh_config *c)
{
	const char *sub;

	if (!c->host_name || !(sub = strstr(c->host_name, "%h")))
		return c->host_name ? c->host_name : c->host;
	return arena_printf(c->arena, "%.*s%s%s", (int)(sub - c->host_name), c->host_name,
			    c->host, sub + 2);
}

static bool
match_line(struct ssh_config *c, const struct line *l)
{
	const char *never = NULL;

	for (size_t i = 1; i < l->n; i++) {
		const char *w = l->v[i], *s = NULL;
		bool not = *w == '!';

		w += not;
		if (strcasecmp(w, "all") == 0) {
			if (not)
				return false;
			continue;
		}
		if (strcasecmp(w, "canonical") == 0 || strcasecmp(w, "final") == 0) {
			never = w;
			continue;
		}
		if (++i == l->n)
			return false;
		if (strcasecmp(w, "host") == 0)
			s = host_now(c);
		else if (strcasecmp(w, "originalhost") == 0)
			s = c->host;
		else if (strcasecmp(w, "user") == 0)
			s = c->user ? c->user : c->local_user;
		else if (strcasecmp(w, "localuser") == 0)
			s = c->local_user;
		else
			never = w;
		if (s && (list_match(l->v[i], s) > 0) == not)
			return false;
	}
	if (never)
		note(c, l, arena_printf(c->arena, "'Match %s' is not evaluated, "
						  "its block is skipped", never));
	return !never;
}

static void
include(struct ssh_config *c, const struct line *l)
{
	if (!c->glob || c->depth >= INCLUDE_DEPTH)
		return;
	for (size_t i = 1; i < l->n; i++) {
		const char *pattern = ssh_config_home(c->arena, l->v[i], c->home);
		struct ssh_names found = {0};

		if (*pattern != '/')
			pattern = arena_printf(c->arena, "%s/%s", l->dir, pattern);
		c->glob(c->arena, pattern, &found);
		c->depth++;
		for (size_t j = 0; j < found.n && c->files < INCLUDE_FILES; j++) {
			struct err e;

			c->files++;
			if (!ssh_config_load(c, found.v[j], l->dir, &e))
				note(c, l, arena_strdup(c->arena, e.text));
		}
		c->depth--;
	}
}

static void
set_text(const char **to, const char *value)
{
	if (!*to)
		*to = value;
}

static void
set_number(struct ssh_config *c, const struct line *l, int *to, long max)
{
	char *end;
	long v = strtol(l->v[1], &end, 10);

	if (*end || end == l->v[1] || v < 1 || v > max)
		note(c, l, arena_printf(c->arena, "'%s' is not a number that %s can have",
					l->v[1], l->v[0]));
	else if (!*to)
		*to = (int)v;
}

static void
set_names(struct ssh_config *c, const struct line *l, struct ssh_names *to)
{
	if (to->n)
		return;
	for (size_t i = 1; i < l->n; i++)
		add_name(c->arena, to, l->v[i]);
}

static void
apply(struct ssh_config *c, const struct line *l)
{
	const char *key = l->v[0], *value = l->v[1];

	if (strcasecmp(key, "HostName") == 0)
		set_text(&c->host_name, value);
	else if (strcasecmp(key, "User") == 0)
		set_text(&c->user, value);
	else if (strcasecmp(key, "Port") == 0)
		set_number(c, l, &c->port, 65535);
	else if (strcasecmp(key, "ConnectTimeout") == 0)
		set_number(c, l, &c->connect_timeout, 3600);
	else if (strcasecmp(key, "HostKeyAlias") == 0)
		set_text(&c->host_key_alias, value);
	else if (strcasecmp(key, "IdentityAgent") == 0)
		set_text(&c->identity_agent, value);
	else if (strcasecmp(key, "ProxyJump") == 0 && !c->proxy_command)
		set_text(&c->proxy_jump, value);
	else if (strcasecmp(key, "ProxyCommand") == 0 && !c->proxy_jump)
		set_text(&c->proxy_command, value);
	else if (strcasecmp(key, "IdentityFile") == 0 && c->identity.n < IDENTITIES)
		add_name(c->arena, &c->identity, value);
	else if (strcasecmp(key, "UserKnownHostsFile") == 0)
		set_names(c, l, &c->known_hosts);
	else if (strcasecmp(key, "GlobalKnownHostsFile") == 0)
		set_names(c, l, &c->global_known_hosts);
	else if (strcasecmp(key, "IdentitiesOnly") == 0 && !c->identities_only)
		c->identities_only = strcasecmp(value, "yes") == 0 ? 1 : -1;
}

void
ssh_config_read(struct ssh_config *c, const char *file, const char *dir, const char *text,
		size_t n)
{
	const char *end = text + n;
	struct line l = {.file = file, .dir = dir};
	bool active = true;

	for (const char *p = text; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;

		l.no++;
		if (stop - p <= LINE_MAX_BYTES && split(c->arena, &l, p, stop)) {
			if (strcasecmp(l.v[0], "Host") == 0)
				active = host_line(c, &l);
			else if (strcasecmp(l.v[0], "Match") == 0)
				active = match_line(c, &l);
			else if (active && strcasecmp(l.v[0], "Include") == 0)
				include(c, &l);
			else if (active)
				apply(c, &l);
		}
		p = stop + 1;
	}
}

bool
ssh_config_load(struct ssh_config *c, const char *file, const char *dir, struct err *e)
{
	struct str text = {0};
	bool ok;

	if (access(file, F_OK) != 0)
		return true;
	ok = bytes_file(file, FILE_MAX_BYTES, &text, e);
	if (ok)
		ssh_config_read(c, arena_strdup(c->arena, file), dir, str_text(&text), text.len);
	str_release(&text);
	return ok;
}

void
ssh_config_glob(struct arena *a, const char *pattern, struct ssh_names *names)
{
	glob_t g;

	if (glob(pattern, 0, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc; i++)
			add_name(a, names, arena_strdup(a, g.gl_pathv[i]));
		globfree(&g);
	}
}

const char *
ssh_config_home(struct arena *a, const char *path, const char *home)
{
	if (path[0] == '~' && (path[1] == '/' || !path[1]))
		return arena_printf(a, "%s%s", home, path + 1);
	return path;
}

/* One token or variable at *p; NULL for one we do not know. */
static const char *
token(struct ssh_config *c, const char **p)
{
	const char *end;

	if (**p == '$') {
		end = strchr(*p, '}');
		char *name = arena_strndup(c->arena, *p + 2, (size_t)(end - *p - 2));

		*p = end + 1;
		return c->env ? c->env(name) : NULL;
	}
	*p += 2;
	switch ((*p)[-1]) {
	case '%':
		return "%";
	case 'h':
		return host_now(c);
	case 'n':
		return c->host;
	case 'r':
		return c->user;
	case 'p':
		return arena_printf(c->arena, "%d", c->port);
	case 'u':
		return c->local_user;
	case 'd':
		return c->home;
	case 'i':
		return arena_printf(c->arena, "%u", (unsigned)getuid());
	default:
		return NULL;
	}
}

/* Tokens, variables and ~ in a value; NULL with a note when one of them is unknown. */
static const char *
expand(struct ssh_config *c, const char *value)
{
	struct str s = {.max = 4096};
	const char *p = ssh_config_home(c->arena, value, c->home), *out = NULL;

	while (*p) {
		const char *t;

		if ((*p == '%' && p[1]) || (*p == '$' && p[1] == '{' && strchr(p, '}'))) {
			t = token(c, &p);
			if (!t) {
				add_name(c->arena, &c->notes,
					 arena_printf(c->arena, "'%s' in the ssh configuration "
								"is not understood", value));
				goto out;
			}
			str_puts(&s, t);
		} else {
			str_putc(&s, *p++);
		}
	}
	out = arena_strdup(c->arena, str_text(&s));
out:
	str_release(&s);
	return out;
}

static void
expand_names(struct ssh_config *c, struct ssh_names *names)
{
	size_t kept = 0;

	for (size_t i = 0; i < names->n; i++) {
		const char *v = expand(c, names->v[i]);

		if (v)
			names->v[kept++] = v;
	}
	names->n = kept;
}

static bool is_none(const char *s) { return s && strcasecmp(s, "none") == 0; }

void
ssh_config_finish(struct ssh_config *c)
{
	c->host_name = host_now(c);
	if (!c->user)
		c->user = c->local_user;
	if (!c->port)
		c->port = 22;
	if (is_none(c->proxy_jump))
		c->proxy_jump = NULL;
	if (is_none(c->proxy_command))
		c->proxy_command = NULL;
	if (c->proxy_jump)
		c->proxy_jump = expand(c, c->proxy_jump);
	if (c->host_key_alias)
		c->host_key_alias = expand(c, c->host_key_alias);
	if (c->identity_agent && *c->identity_agent != '$' && !is_none(c->identity_agent))
		c->identity_agent = expand(c, c->identity_agent);
	expand_names(c, &c->identity);
	expand_names(c, &c->known_hosts);
	expand_names(c, &c->global_known_hosts);
}

static bool
read_jump(struct arena *a, const char *p, size_t n, struct ssh_jump *j)
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
		if (!read_jump(a, p, len, &jump[(*n)++]))
			return err_set(e, "ProxyJump '%s': '%.*s' is not [user@]host[:port]", list,
				       (int)len, p);
		p += len;
		if (!*p)
			return true;
	}
}
