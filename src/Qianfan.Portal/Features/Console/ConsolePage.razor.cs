using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Console;

/// <summary>Talks to a service: chat beside the base model, completion, embedding, and the code for it. Which service stands in the address.</summary>
public sealed partial class ConsolePage
{
    private IReadOnlyList<ServiceInfo>? _services;
    private ServiceInfo? _service;
    private IReadOnlyList<string> _suggestions = [];

    [Inject] public required ServiceDirectory Services { get; init; }
    [Inject] public required ConsoleService Console { get; init; }
    [Inject] public required NavigationManager Navigation { get; init; }
    [Inject] public required IStringLocalizer<ConsoleText> Text { get; init; }

    [Parameter] public Guid ProjectId { get; set; }

    /// <summary>The service; the newest one when the address names none.</summary>
    [SupplyParameterFromQuery(Name = "service")] public Guid? ServiceId { get; set; }

    protected override Task OnParametersSetAsync() => LoadAsync(async (actor, token) =>
    {
        var services = (await Services.ListAsync(actor, ProjectId, token)).Services;
        var service = ServiceId is { } id ? services.FirstOrDefault(s => s.Id == id) ?? throw new NotFoundException("service") : services is [var newest, ..] ? newest : null;
        _suggestions = service is null ? [] : await Console.SuggestAsync(actor, ProjectId, service.Id, token);
        (_services, _service) = (services, service);
    });

    private void Choose(Guid serviceId) => Navigation.NavigateTo(Urls.Console(ProjectId, serviceId));
}
