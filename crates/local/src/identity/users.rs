//! The demo users: one of each role, with passwords that are no secret.

/// Someone who can log in on the local stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoUser {
    /// User name.
    pub name: &'static str,
    /// Password, printed at the start and on the login page.
    pub password: &'static str,
    /// Role, which is the Cognito group.
    pub role: &'static str,
    /// Name of the person.
    pub person: &'static str,
    /// E-mail address (example.org never delivers).
    pub email: &'static str,
    /// Mobile number, from the range that ARCEP sets aside for fiction.
    pub phone: &'static str,
    /// Subject of the tokens; fixed, so that what a user made keeps its owner across data directories.
    pub sub: &'static str,
    description: [&'static str; 2],
}

impl DemoUser {
    /// What the role is for, in `en` or `fr`.
    #[must_use]
    pub fn description(&self, language: &str) -> &'static str {
        self.description[usize::from(language == "fr")]
    }
}

/// All demo users. A visitor has none: public pages need no login.
pub const DEMO_USERS: [DemoUser; 4] = [
    DemoUser {
        name: "admin",
        password: "parvis-admin",
        role: "admin",
        person: "Adèle Martin",
        email: "adele.martin@example.org",
        phone: "+33639980001",
        sub: "5f0a1d3e-0001-4a6b-9c2d-70617276a001",
        description: ["Administrator", "Administration"],
    },
    DemoUser {
        name: "manager",
        password: "parvis-manager",
        role: "manager",
        person: "Malik Benali",
        email: "malik.benali@example.org",
        phone: "+33639980002",
        sub: "5f0a1d3e-0002-4a6b-9c2d-70617276a002",
        description: ["Site manager", "Gestion du site"],
    },
    DemoUser {
        name: "agent",
        password: "parvis-agent",
        role: "agent",
        person: "Anouk Petit",
        email: "anouk.petit@example.org",
        phone: "+33639980003",
        sub: "5f0a1d3e-0003-4a6b-9c2d-70617276a003",
        description: ["Enforcement agent", "Agent de contrôle"],
    },
    DemoUser {
        name: "driver",
        password: "parvis-driver",
        role: "driver",
        person: "Diego Leroy",
        email: "diego.leroy@example.org",
        phone: "+33639980004",
        sub: "5f0a1d3e-0004-4a6b-9c2d-70617276a004",
        description: ["Driver", "Automobiliste"],
    },
];

/// The demo user of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static DemoUser> {
    DEMO_USERS.iter().find(|user| user.name == name)
}
