using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;

namespace Qianfan.Portal.Features.Models;

/// <summary>The project's model sets.</summary>
public sealed partial class ModelListPage
{
    private ModelSetList? _list;

    [Inject] public required ModelService Models { get; init; }
    [Inject] public required IStringLocalizer<ModelsText> Text { get; init; }

    [Parameter] public Guid ProjectId { get; set; }

    protected override Task OnParametersSetAsync() =>
        LoadAsync(async (actor, token) => _list = await Models.ListAsync(actor, ProjectId, token));
}
