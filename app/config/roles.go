package config

import (
	"slices"
	"strings"

	"barid/base/fault"
)

// The roles that a server may have alone.
const (
	RoleMX         = "mx"         // takes mail of other servers for the hosted domains
	RoleSubmission = "submission" // takes mail of people and programs that log in
	RoleAccess     = "access"     // lets people read
	RoleOutbound   = "outbound"   // carries mail on to other servers
)

// Roles are the words of the key roles, in the order they are shown.
func Roles() []string { return []string{RoleMX, RoleSubmission, RoleAccess, RoleOutbound} }

// roleOf gives the role that a listener's protocol belongs to; "" for one of every role.
var roleOf = map[string]string{
	"smtp": RoleMX, "lmtp": RoleMX, "submission": RoleSubmission, "submissions": RoleSubmission,
	"imap": RoleAccess, "imaps": RoleAccess, "pop3": RoleAccess, "pop3s": RoleAccess,
}

// HasRole tells whether the server has a role.
func (c *Config) HasRole(role string) bool {
	return len(c.Roles) == 0 || slices.Contains(c.Roles, role)
}

// checkRoles refuses roles that nothing serves, and settings of roles that the server does not have. Without the
// key the listeners and [outbound] decide alone.
func (c *Config) checkRoles() error {
	if len(c.Roles) == 0 {
		return nil
	}
	for i, r := range c.Roles {
		if !slices.Contains(Roles(), r) {
			f := c.bad("roles", r, "one of "+strings.Join(Roles(), ", ")+" is needed")
			if near := nearest(r, Roles()); near != "" {
				fault.Of(f).WithFix("did you mean %q?", near)
			}
			return f
		}
		if slices.Contains(c.Roles[:i], r) {
			return c.bad("roles", r, "each role is named once")
		}
	}
	if err := c.checkOutboundRole(); err != nil {
		return err
	}
	if c.Listeners == nil {
		c.Listeners = slices.DeleteFunc(UsualListeners(), func(l Listener) bool {
			return roleOf[l.Protocol] != "" && !c.HasRole(roleOf[l.Protocol])
		})
		return nil
	}
	return c.checkRoleListeners()
}

// checkOutboundRole lets the role decide about outbound.enabled, unless that says the opposite.
func (c *Config) checkOutboundRole() error {
	has := c.HasRole(RoleOutbound)
	if c.From["outbound.enabled"] != "" && c.Outbound.Enabled != has {
		said := "false"
		if c.Outbound.Enabled {
			said = "true"
		}
		return c.contradiction("outbound.enabled", said).
			WithFix("leave outbound.enabled out: the role %q decides", RoleOutbound)
	}
	c.Outbound.Enabled = has
	return nil
}

// checkRoleListeners compares the listeners that were given with the roles.
func (c *Config) checkRoleListeners() error {
	served := map[string]bool{RoleOutbound: true}
	for _, l := range c.Listeners {
		role := roleOf[l.Protocol]
		if role != "" && !c.HasRole(role) {
			return c.contradiction("listener.protocol", l.Protocol).
				WithFix("take the [[listener]] table of %s on %s away", l.Protocol, l.Address).WithFix("add %q to roles", role)
		}
		served[role] = true
	}
	for _, r := range c.Roles {
		if !served[r] {
			return c.contradiction("roles", r).WithFix("add a [[listener]] table of %s", strings.Join(protocolsOf(r), " or ")).
				WithFix("leave out all [[listener]] tables: the usual ones of the roles are used")
		}
	}
	return nil
}

// contradiction is a setting that does not agree with the roles.
func (c *Config) contradiction(key, found string) *fault.Fault {
	return fault.New("B1003", "%s and roles contradict each other", key).
		WithFound("%s %q with roles %s%s", key, found, strings.Join(c.Roles, ", "), c.where(key, found)).WithExit(fault.ExitUsage).
		WithMeans("nothing is started, so that no part is on or off by mistake")
}

// protocolsOf gives the protocols of a role.
func protocolsOf(role string) (out []string) {
	for _, p := range Protocols() {
		if roleOf[p] == role {
			out = append(out, p)
		}
	}
	return out
}
