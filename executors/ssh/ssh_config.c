/* Reads ~/.ssh/config: its lines, the blocks about a host, and what they say. */
#include "executors/ssh/ssh_config.h"

#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/io/names.h"
#include "executors/ssh/ssh_bytes.h"
#include "executors/ssh/ssh_line.h"
#include "executors/ssh/ssh_lists.h"
#include "planner/base/vec.h"

enum {
	FILE_MAX_BYTES = 1024 * 1024,
	LINE_MAX_BYTES = 64 * 1024,
	INCLUDE_DEPTH = 16,
	INCLUDE_FILES = 256,
	IDENTITIES = 100,
	KNOWN_FILES = 32,
};

void
ssh_config_note(struct ssh_config *c, const struct ssh_line *l, const char *what)
{
	const char *text = arena_printf(c->arena, "%s:%u: %s", l->file, l->no, what);

	for (size_t i = 0; i < c->notes.n; i++)
		if (strcmp(c->notes.v[i], text) == 0)
			return;
	*vec_push(c->arena, &c->notes) = text;
}

static bool
config_include(struct ssh_config *c, const struct ssh_line *l)
{
	enum ssh_block outer = c->outer;
	bool ok = true;

	if (!c->glob)
		return true;
	if (c->depth == INCLUDE_DEPTH)
		return ssh_line_bad(l, "includes files that include files, too deep");
	c->outer = l->block;
	c->depth++;
	for (size_t i = 0; i < l->n && ok; i++) {
		const char *pattern = l->v[i];
		struct ssh_source source = {.dir = l->source->dir, .guarded = true};
		struct ssh_names found = {0};

		if (*pattern != '/' && *pattern != '~')
			pattern = arena_printf(c->arena, "%s/%s", source.dir, pattern);
		c->glob(c->arena, ssh_config_home(c->arena, pattern, c->home), &found);
		for (size_t j = 0; j < found.n && ok; j++) {
			if (++c->files > INCLUDE_FILES)
				ok = ssh_line_bad(l, "leads to more than 256 files");
			else
				ok = ssh_config_load(c, found.v[j], &source, l->e);
		}
	}
	c->depth--;
	c->outer = outer;
	return ok;
}

static bool
config_set_port(const struct ssh_line *l, int *to)
{
	char *end;
	long v = strtol(l->v[0], &end, 10);

	if (*end || end == l->v[0] || v < 1 || v > 65535)
		return ssh_line_bad(l, "is not a port");
	if (!*to)
		*to = (int)v;
	return true;
}

static bool
config_check_names(const struct ssh_line *l)
{
	for (size_t i = 0; i < l->n && l->n > 1; i++)
		if (strcasecmp(l->v[i], "none") == 0)
			return ssh_line_bad(l, "has 'none' together with other files");
	return l->n <= KNOWN_FILES || ssh_line_bad(l, "has more than 32 files");
}

static bool
config_set_names(struct ssh_config *c, const struct ssh_line *l, struct ssh_names *to)
{
	for (size_t i = to->n ? l->n : 0; i < l->n; i++)
		*vec_push(c->arena, to) = l->v[i];
	return true;
}

static bool
config_add_identity(struct ssh_config *c, const struct ssh_line *l)
{
	for (size_t i = 0; i < c->identity.n; i++)
		if (strcmp(c->identity.v[i], l->v[0]) == 0)
			return true;
	if (c->identity.n == IDENTITIES)
		return ssh_line_bad(l, "is there more than 100 times");
	*vec_push(c->arena, &c->identity) = l->v[0];
	return true;
}

static bool
config_set_text(const char **to, const char *value)
{
	if (!*to)
		*to = value;
	return true;
}

/* The jump hosts up to a comment. If a comment follows 'none', ssh takes it for a host. */
static bool
config_set_jumps(struct ssh_config *c, const struct ssh_line *l)
{
	size_t n = strcspn(l->rest, "#");
	bool comment = l->rest[n];

	while (n && strchr(SSH_BLANKS, l->rest[n - 1]))
		n--;
	if (comment && n == 4 && strncasecmp(l->rest, "none", 4) == 0)
		return ssh_line_bad(l, "has a comment after 'none', so that ssh takes 'none' for "
				       "a host");
	if (!c->proxy_command)
		config_set_text(&c->proxy_jump, arena_strndup(c->arena, l->rest, n));
	return true;
}

/* A line of a block that applies. */
static bool
config_apply(struct ssh_config *c, const struct ssh_line *l, enum ssh_word_id word)
{
	const char *value = l->n ? l->v[0] : "";

	switch (word) {
	case WORD_Hostname: return config_set_text(&c->host_name, value);
	case WORD_User: return config_set_text(&c->user, value);
	case WORD_Port: return config_set_port(l, &c->port);
	case WORD_ConnectTimeout:
		if (!c->connect_timeout)
			c->connect_timeout = ssh_word_time(value);
		return true;
	case WORD_HostKeyAlias: return config_set_text(&c->host_key_alias, value);
	case WORD_IdentityAgent: return config_set_text(&c->identity_agent, value);
	case WORD_ProxyJump: return config_set_jumps(c, l);
	case WORD_ProxyCommand:
		return config_set_text(&c->proxy_command,
				       l->rest + strspn(l->rest, SSH_BLANKS "="));
	case WORD_IdentityFile: return config_add_identity(c, l);
	case WORD_UserKnownHostsFile: return config_set_names(c, l, &c->known_hosts);
	case WORD_GlobalKnownHostsFile: return config_set_names(c, l, &c->global_known_hosts);
	case WORD_AddressFamily:
		if (!c->said[word].value && strcasecmp(value, "any") != 0)
			c->address_family = strcasecmp(value, "inet") == 0 ? AF_INET : AF_INET6;
		return true;
	case WORD_IdentitiesOnly:
		if (!c->identities_only)
			c->identities_only = ssh_word_among("yes|true", value) ? 1 : -1;
		return true;
	default: return true;
	}
}

/* Keep the first value of a word, and where it is. */
static void
config_say(struct ssh_config *c, const struct ssh_line *l, enum ssh_word_id word)
{
	struct ssh_said *s = &c->said[word];
	struct str all = {0};

	if (s->value || (word == WORD_ProxyCommand && c->proxy_jump))
		return;
	for (size_t i = 0; i < l->n; i++)
		str_printf(&all, "%s%s", i ? " " : "", l->v[i]);
	*s = (struct ssh_said){
		.value = ssh_words[word].value == VALUE_LINE
				 ? arena_strdup(c->arena, l->rest)
				 : arena_strdup(c->arena, str_text(&all)),
		.file = l->file,
		.line = l->no,
	};
	str_release(&all);
}

/* A word in a block that may or may not apply. */
static bool
config_perhaps(const struct ssh_line *l, enum ssh_word_id word)
{
	const struct ssh_word *w = &ssh_words[word];

	if ((w->does != DOES_LIMITS && w->does != DOES_REFUSES) ||
	    (l->n && ssh_word_among(w->idle, l->v[0])))
		return true;
	ssh_line_bad(l, "is in a block of 'Match exec', which dray does not run: it cannot know whether "
	       "the line applies");
	return ssh_config_way_out(l->e);
}

/* The names in a list of algorithms must be known. */
static bool
config_check_list(const struct ssh_config *c, const struct ssh_line *l, enum ssh_word_id word)
{
	const char *name;
	int n;

	if (word != WORD_HostKeyAlgorithms && word != WORD_KexAlgorithms && word != WORD_Ciphers &&
	    word != WORD_MACs && word != WORD_PubkeyAcceptedAlgorithms)
		return true;
	name = ssh_list_unknown(word, l->v[0], &n);
	return !name || ssh_line_bad(l, arena_printf(c->arena, "names an algorithm that OpenSSH does not "
						      "know: '%.*s'", n, name));
}

static bool
config_keyword(struct ssh_config *c, struct ssh_line *l)
{
	int word = ssh_word_find(l->keyword);
	const char *ignored = c->said[WORD_IgnoreUnknown].value, *why;

	if (word < 0 && ignored && ssh_line_list(ignored, l->keyword, false) > 0)
		return true;
	if (word < 0) {
		err_set(l->e, "%s:%u: '%s' is not a word of OpenSSH 9.2", l->file, l->no,
			l->keyword);
		l->e->beyond = true;    /* a newer ssh may know it */
		return err_hint(l->e, "to make ssh and dray ignore it: 'IgnoreUnknown %s' in "
				      "front of it", l->keyword);
	}
	if (word == WORD_Match)
		return ssh_block_match(c, l);
	why = ssh_word_check(&ssh_words[word], l->v, l->n);
	if (why && (ssh_words[word].value != VALUE_LINE || !*l->rest))
		return ssh_line_bad(l, why);
	if (!config_check_list(c, l, (enum ssh_word_id)word))
		return false;
	if (word == WORD_Host)
		return ssh_block_host(c, l);
	if (word == WORD_Include)
		return config_include(c, l);
	if ((word == WORD_Port && !config_set_port(l, &(int){0})) ||
	    ((word == WORD_UserKnownHostsFile || word == WORD_GlobalKnownHostsFile) &&
	     !config_check_names(l)))
		return false;
	if (l->block == BLOCK_PERHAPS)
		return config_perhaps(l, (enum ssh_word_id)word);
	if (l->block == BLOCK_OFF)
		return true;
	if (!config_apply(c, l, (enum ssh_word_id)word))
		return false;
	config_say(c, l, (enum ssh_word_id)word);
	return true;
}

bool
ssh_config_read(struct ssh_config *c, const char *file, const struct ssh_source *source,
		const char *text, size_t n, struct err *e)
{
	const char *end = text + n;
	struct ssh_line l = {.source = source, .file = file, .e = e};

	if (!c->depth)
		c->outer = BLOCK_ON;
	l.block = c->outer;
	for (const char *p = text; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;

		l.no++;
		if (stop - p > LINE_MAX_BYTES)
			return err_set(e, "%s:%u: a line of more than 64 KiB", file, l.no);
		if (!ssh_line_split(c->arena, &l, p, (size_t)(stop - p)) ||
		    (l.keyword && !config_keyword(c, &l)))
			return false;
		p = stop + 1;
	}
	return true;
}

/* Can only the owner, who must be the user or root, write the file? A group that has only the
 * owner in it is allowed, as in Debian's ssh. */
static bool
config_is_guarded(const struct stat *st)
{
	const struct passwd *me = name_me();
	const char *owner = st->st_uid == 0 ? "root" : me ? me->pw_name : "";
	const struct group *gr;

	if ((st->st_uid != 0 && st->st_uid != getuid()) || (st->st_mode & 002))
		return false;
	if (!(st->st_mode & 020))
		return true;
	gr = getgrgid(st->st_gid);
	if (!gr)
		return false;
	return strcmp(owner, gr->gr_mem[0] ? gr->gr_mem[0] : gr->gr_name) == 0 &&
	       !(gr->gr_mem[0] && gr->gr_mem[1]);
}

bool
ssh_config_load(struct ssh_config *c, const char *file, const struct ssh_source *source,
		struct err *e)
{
	struct str text = {0};
	struct stat st;
	bool ok;

	if (access(file, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
		return true;
	ok = bytes_file(file, FILE_MAX_BYTES, &text, &st, e);
	if (ok && source->guarded && !config_is_guarded(&st)) {
		ok = err_set(e, "%s: others can write it (mode %04o, owner %u)", file,
			     (unsigned)st.st_mode & 07777, (unsigned)st.st_uid);
		err_hint(e, "ssh does not read it either: chmod 600 %s", file);
	}
	if (ok)
		ok = ssh_config_read(c, arena_strdup(c->arena, file), source, str_text(&text),
				     text.len, e);
	str_release(&text);
	return ok;
}

void
ssh_config_glob(struct arena *a, const char *pattern, struct ssh_names *names)
{
	glob_t g;

	if (glob(pattern, GLOB_TILDE, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc; i++)
			*vec_push(a, names) = arena_strdup(a, g.gl_pathv[i]);
		globfree(&g);
	}
}
