namespace Qianfan.Portal.Features.Account;

/// <summary>Marks the resources of the account and set-up pages.</summary>
public sealed class AccountText;
