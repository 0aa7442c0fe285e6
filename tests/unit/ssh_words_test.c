/* Every keyword of ssh_config is in the table, with lists of algorithms and times as ssh reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "executors/ssh/ssh_lists.h"
#include "executors/ssh/ssh_words.h"

/* The words in the man page of 9.2 and in `ssh -G` of Debian 12. */
static const char *const all[] = {
	"AddKeysToAgent", "AddressFamily", "BatchMode", "BindAddress",
	"BindInterface", "CASignatureAlgorithms", "CanonicalDomains",
	"CanonicalizeFallbackLocal", "CanonicalizeHostname",
	"CanonicalizeMaxDots", "CanonicalizePermittedCNAMEs",
	"CertificateFile", "CheckHostIP", "Ciphers", "ClearAllForwardings",
	"Compression", "ConnectTimeout", "ConnectionAttempts", "ControlMaster",
	"ControlPath", "ControlPersist", "DynamicForward",
	"EnableEscapeCommandline", "EnableSSHKeysign", "EscapeChar",
	"ExitOnForwardFailure", "FingerprintHash", "ForkAfterAuthentication",
	"ForwardAgent", "ForwardX11", "ForwardX11Timeout", "ForwardX11Trusted",
	"GSSAPIAuthentication", "GSSAPIClientIdentity",
	"GSSAPIDelegateCredentials", "GSSAPIKexAlgorithms",
	"GSSAPIKeyExchange", "GSSAPIRenewalForcesRekey",
	"GSSAPIServerIdentity", "GSSAPITrustDns", "GatewayPorts",
	"GlobalKnownHostsFile", "HashKnownHosts", "Host", "HostKeyAlgorithms",
	"HostKeyAlias", "HostbasedAcceptedAlgorithms",
	"HostbasedAuthentication", "Hostname", "IPQoS", "IdentitiesOnly",
	"IdentityAgent", "IdentityFile", "IgnoreUnknown", "Include",
	"KbdInteractiveAuthentication", "KbdInteractiveDevices",
	"KexAlgorithms", "KnownHostsCommand", "LocalCommand", "LocalForward",
	"LogLevel", "LogVerbose", "MACs", "Match",
	"NoHostAuthenticationForLocalhost", "NumberOfPasswordPrompts",
	"PKCS11Provider", "PasswordAuthentication", "PermitLocalCommand",
	"PermitRemoteOpen", "Port", "PreferredAuthentications", "ProxyCommand",
	"ProxyJump", "ProxyUseFdpass", "PubkeyAcceptedAlgorithms",
	"PubkeyAuthentication", "RekeyLimit", "RemoteCommand", "RemoteForward",
	"RequestTTY", "RequiredRSASize", "RevokedHostKeys",
	"SecurityKeyProvider", "SendEnv", "ServerAliveCountMax",
	"ServerAliveInterval", "SessionType", "SetEnv", "StdinNull",
	"StreamLocalBindMask", "StreamLocalBindUnlink",
	"StrictHostKeyChecking", "SyslogFacility", "TCPKeepAlive", "Tunnel",
	"TunnelDevice", "UpdateHostKeys", "User", "UserKnownHostsFile",
	"VerifyHostKeyDNS", "VisualHostKey", "XAuthLocation",
	"afstokenpassing", "challengeresponseauthentication", "cipher",
	"compressionlevel", "dsaauthentication", "fallbacktorsh",
	"globalknownhostsfile2", "hostbasedkeytypes", "identityfile2",
	"keepalive", "kerberosauthentication", "kerberostgtpassing",
	"protocol", "pubkeyacceptedkeytypes", "rhostsauthentication",
	"rhostsrsaauthentication", "rsaauthentication", "skeyauthentication",
	"smartcarddevice", "tisauthentication", "useprivilegedport",
	"userknownhostsfile2", "useroaming", "usersh",
};

static void
every_word_of_ssh_is_in_the_table(void **state)
{
	FILE *ssh = popen("ssh -F none -G localhost 2>/dev/null", "r");
	char line[1024];

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (ssh_word_find(all[i]) < 0)
			fail_msg("%s is not in ssh_words.def", all[i]);
	}
	/* A later ssh has more. */
	while (ssh && fgets(line, sizeof line, ssh)) {
		line[strcspn(line, " \n")] = '\0';
		if (ssh_word_find(line) < 0)
			print_message("of this machine's ssh, '%s' is not in ssh_words.def\n", line);
	}
	if (ssh)
		pclose(ssh);
	for (int w = 0; w < SSH_WORDS; w++) {
		const struct ssh_word *word = &ssh_words[w];

		assert_int_equal(ssh_word_find(word->name), w);
		/* A word that is ignored has a reason. */
		if (word->does != DOES_HONOURS && word->does != DOES_LIMITS &&
		    word->does != DOES_DEAD && !*word->says)
			fail_msg("%s: no reason given", word->name);
		assert_true((word->value == VALUE_CHOICE) == (*word->choices != 0));
	}
}

static void
lists_of_algorithms(void **state)
{
	static const struct {
		enum ssh_word_id word;
		const char *value, *left;
	} t[] = {
		{WORD_Ciphers, NULL, "aes128-ctr,aes192-ctr,aes256-ctr"},
		{WORD_Ciphers, "aes256-ctr", "aes256-ctr"},
		{WORD_Ciphers, "aes256-gcm@openssh.com,aes256-ctr,aes128-ctr", "aes256-ctr,aes128-ctr"},
		{WORD_Ciphers, "aes256-gcm@openssh.com", ""},
		{WORD_Ciphers, "+3des-cbc", "aes128-ctr,aes192-ctr,aes256-ctr"},
		{WORD_Ciphers, "-aes128-ctr", "aes192-ctr,aes256-ctr"},
		{WORD_Ciphers, "-*", ""},
		{WORD_Ciphers, "-aes1*,aes256-ctr", ""},
		{WORD_Ciphers, "^aes256-ctr", "aes256-ctr,aes128-ctr,aes192-ctr"},
		{WORD_MACs, "hmac-sha2-512,hmac-sha2-512", "hmac-sha2-512"},
		{WORD_MACs, "hmac-sha1", ""},
		{WORD_MACs, "hmac-sha2-512,", "hmac-sha2-512"},
		{WORD_KexAlgorithms, "ecdh-sha2-nistp256,diffie-hellman-group14-sha256", "ecdh-sha2-nistp256"},
		{WORD_HostKeyAlgorithms, "+ssh-rsa",
		 "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
		 "rsa-sha2-512,rsa-sha2-256,ssh-rsa"},
		{WORD_HostKeyAlgorithms, "ecdsa-*,ssh-ed25519",
		 "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-ed25519"},
		{WORD_HostKeyAlgorithms, "ssh-ed25519-cert-v01@openssh.com", ""},
		{WORD_PubkeyAcceptedAlgorithms, "-ssh-*,rsa-*",
		 "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521"},
		{WORD_PubkeyAcceptedAlgorithms, "rsa-sha2-256", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct str left = {0};

		ssh_list_pick(t[i].word, t[i].value, &left);
		assert_string_equal(str_text(&left), t[i].left);
		str_release(&left);
	}
}

static void
times_as_ssh_reads_them(void **state)
{
	static const struct {
		const char *text;
		int seconds;
	} t[] = {{"90", 90}, {"90s", 90}, {"1h30M", 5400}, {"2d", 172800}, {"1w", 604800},
		 {"none", 0}, {"", -1}, {"x", -1}, {"1y", -1}, {"-1", -1}, {"9999999999", -1}};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		assert_int_equal(ssh_word_time(t[i].text), t[i].seconds);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_of_ssh_is_in_the_table),
		cmocka_unit_test(lists_of_algorithms),
		cmocka_unit_test(times_as_ssh_reads_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
