using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Qianfan.Portal.Data;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Account;

/// <summary>Registers and maps the feature.</summary>
public static class AccountFeature
{
    // How long a password change, a lock or a deletion takes to end what is open elsewhere.
    internal static readonly TimeSpan RevalidationInterval = TimeSpan.FromMinutes(1);

    public static IServiceCollection AddAccount(this IServiceCollection services)
    {
        services.AddAuthentication(IdentityConstants.ApplicationScheme).AddIdentityCookies();
        services.AddIdentityCore<PortalUser>(options =>
            {
                options.Stores.SchemaVersion = IdentitySchemaVersions.Version3;
                options.User.RequireUniqueEmail = true;
                // Addresses of any script; uniqueness is what matters.
                options.User.AllowedUserNameCharacters = "";
                // Length is what counts; rules of composition only make passwords worse.
                options.Password = new PasswordOptions { RequiredLength = 8, RequireDigit = false, RequireLowercase = false, RequireUppercase = false, RequireNonAlphanumeric = false, RequiredUniqueChars = 4 };
            })
            .AddRoles<IdentityRole<Guid>>()
            .AddUserManager<PortalUserManager>()
            .AddSignInManager()
            .AddClaimsPrincipalFactory<PortalClaimsFactory>()
            .AddErrorDescriber<LocalizedIdentityErrors>()
            .AddEntityFrameworkStores<PortalDbContext>()
            .AddDefaultTokenProviders();
        services.AddOptions<IdentityOptions>().Configure<IOptions<PortalOptions>>((identity, portal) =>
        {
            identity.Lockout.MaxFailedAccessAttempts = portal.Value.LockoutAttempts;
            identity.Lockout.DefaultLockoutTimeSpan = portal.Value.LockoutDuration;
        });
        services.Configure<SecurityStampValidatorOptions>(options => options.ValidationInterval = RevalidationInterval);
        services.AddOptions<CookieAuthenticationOptions>(IdentityConstants.ApplicationScheme).Configure<IOptions<PortalOptions>>(ConfigureCookie);
        services.AddScoped<AuthenticationStateProvider, RevalidatingAuthentication>();

        services.AddSingleton<AccountService>();

        // Deny by default: whatever says nothing needs somebody signed in.
        services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build());
        return services;
    }

    public static IEndpointRouteBuilder MapAccount(this IEndpointRouteBuilder endpoints) => endpoints;

    private static void ConfigureCookie(CookieAuthenticationOptions options, IOptions<PortalOptions> portal)
    {
        options.LoginPath = Urls.Login;
        options.LogoutPath = Urls.Logout;
        options.AccessDeniedPath = Urls.AccessDenied;
        options.ReturnUrlParameter = "returnUrl";
        options.ExpireTimeSpan = TimeSpan.FromDays(14);
        options.Cookie.Name = "qianfan-portal";
        options.Cookie.HttpOnly = true;
        options.Cookie.SameSite = SameSiteMode.Lax;
        // Behind a proxy that ends TLS, the request itself looks like plain http.
        options.Cookie.SecurePolicy = portal.Value.PublicUrl.StartsWith("https:", StringComparison.OrdinalIgnoreCase) ? CookieSecurePolicy.Always : CookieSecurePolicy.SameAsRequest;
        options.Events.OnRedirectToLogin = context => RedirectPeople(context, StatusCodes.Status401Unauthorized);
        options.Events.OnRedirectToAccessDenied = context => RedirectPeople(context, StatusCodes.Status403Forbidden);
    }

    private static Task RedirectPeople(RedirectContext<CookieAuthenticationOptions> context, int status)
    {
        if (MachineRoutes.IsForPeople(context.HttpContext))
            context.Response.Redirect(context.RedirectUri);
        else
            context.Response.StatusCode = status;
        return Task.CompletedTask;
    }
}
