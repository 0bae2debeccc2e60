using Microsoft.Extensions.Options;
using Qianfan.Portal.Features.Account;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Setup;

/// <summary>At start: unattended set-up from settings, or the code for the set-up page on the console.</summary>
internal sealed partial class SetupStart(SetupState state, SetupService service, SetupCode code, IOptions<PortalOptions> options, ILogger<SetupStart> logger) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var bootstrap = options.Value.Bootstrap;
        var wanted = bootstrap.Email.Length > 0;
        if (!await state.IsRequiredAsync(cancellationToken))
        {
            if (wanted)
                Ignored(logger);
            return;
        }

        if (!wanted)
        {
            Code(logger, code.Value, options.Value.PublicUrl + Urls.Setup);
            return;
        }

        try
        {
            await service.RunAsync(
                new SetupRequest(
                    bootstrap.Email,
                    "",
                    bootstrap.Password,
                    bootstrap.Team.Length > 0 ? bootstrap.Team : "Team",
                    bootstrap.Project.Length > 0 ? bootstrap.Project : "Project",
                    bootstrap.AccessKey,
                    bootstrap.SecretKey),
                cancellationToken);
        }
        catch (Exception e) when (e is AccountException or UserErrorException)
        {
            throw new InvalidOperationException($"The settings Portal:Bootstrap can't be used: {e.Message}", e);
        }

        Done(logger, bootstrap.Email);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(Level = LogLevel.Warning, Message = "The settings Portal:Bootstrap are ignored: the database is not empty. Remove them.")]
    private static partial void Ignored(ILogger logger);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Set-up code: {Code}  Nobody has set this portal up yet. Open {Address} and enter the code; it is good until the portal stops, and a new one is printed here at each start.")]
    private static partial void Code(ILogger logger, string code, string address);

    [LoggerMessage(Level = LogLevel.Information, Message = "Set up from the settings Portal:Bootstrap for {Email}.")]
    private static partial void Done(ILogger logger, string email);
}
